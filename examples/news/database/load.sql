-- load.sql - fills the tables; psql reads the rows of packages.awk from its standard input.
BEGIN;
CREATE TEMPORARY TABLE packages (
  name text, version text, maintainer text, section text, summary text, homepage text, tags text,
  depends text, size bigint
) ON COMMIT DROP;
\copy packages FROM pstdin

INSERT INTO authors (name) SELECT DISTINCT maintainer FROM packages ORDER BY 1;
INSERT INTO categories (slug, name)
SELECT DISTINCT section, initcap(replace(section, '-', ' ')) FROM packages ORDER BY 1;

-- Dates and read counts come from a hash of the name: the same data on every machine, and reads that
-- follow Zipf's law.
WITH ranked AS (
  SELECT p.*, ('x' || substr(md5('date of ' || p.name), 1, 7))::bit(28)::integer AS hash,
         row_number() OVER (ORDER BY md5(p.name)) AS place
  FROM packages p
)
INSERT INTO articles (slug, title, summary, body, version, homepage, image, author_id, category_id,
                      published_at, updated_at, read_count)
SELECT r.name,
       upper(left(r.summary, 1)) || substr(r.summary, 2),
       r.name || ' ' || r.version || ': ' || r.summary,
       r.summary || E'.\n\nVersion ' || r.version || ' takes ' || pg_size_pretty(r.size) ||
         E' to download.' ||
         CASE WHEN r.tags <> '' THEN E'\n\nFiled under ' || r.tags || '.' ELSE '' END ||
         CASE WHEN r.depends <> '' THEN E'\n\nIt builds on ' || r.depends || '.' ELSE '' END,
       r.version, r.homepage,
       (ARRAY['Aqua','Blinds','Dune','FreshFlower','Garden','GreenMeadow','LadyBird','RainDrops',
              'Storm','TwoWings','Wood','YellowFlower'])[r.hash % 12 + 1] || '.jpg',
       a.id, c.id,
       timestamptz '2026-01-01' - make_interval(secs => r.hash % 94608000),
       timestamptz '2026-01-01' - make_interval(secs => r.hash % 94608000),
       (1000000 / r.place)::integer
FROM ranked r JOIN authors a ON a.name = r.maintainer JOIN categories c ON c.slug = r.section;

INSERT INTO related_articles (article_id, related_id)
SELECT DISTINCT article.id, related.id
FROM packages p
JOIN articles article ON article.slug = p.name
CROSS JOIN LATERAL regexp_split_to_table(p.depends, '\s*[,|]\s*') AS dependency
JOIN articles related ON related.slug = split_part(split_part(trim(dependency), ' ', 1), ':', 1)
WHERE related.id <> article.id;

CREATE INDEX articles_published ON articles (published_at DESC) WHERE is_visible;
CREATE INDEX articles_category ON articles (category_id, published_at DESC) WHERE is_visible;
CREATE INDEX articles_author ON articles (author_id, published_at DESC) WHERE is_visible;
CREATE INDEX articles_read_count ON articles (read_count DESC) WHERE is_visible;
CREATE INDEX articles_search ON articles USING gin (to_tsvector('english', title || ' ' || slug));
CREATE INDEX related_articles_related ON related_articles (related_id);
COMMIT;
ANALYZE;
