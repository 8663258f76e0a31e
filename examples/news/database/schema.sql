-- schema.sql - the news site: a package is an article, its maintainer the author, its section the
-- category, its dependencies the related articles.
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;

CREATE TABLE authors (
  id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  name text NOT NULL UNIQUE
);

CREATE TABLE categories (
  id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  slug text NOT NULL UNIQUE,
  name text NOT NULL
);

CREATE TABLE articles (
  id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  slug text NOT NULL UNIQUE,
  title text NOT NULL,
  summary text NOT NULL,
  body text NOT NULL,
  version text NOT NULL,
  homepage text NOT NULL,
  image text NOT NULL,
  author_id integer NOT NULL REFERENCES authors,
  category_id integer NOT NULL REFERENCES categories,
  published_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  read_count integer NOT NULL DEFAULT 0,
  is_visible boolean NOT NULL DEFAULT true
);

CREATE TABLE related_articles (
  article_id integer NOT NULL REFERENCES articles,
  related_id integer NOT NULL REFERENCES articles,
  PRIMARY KEY (article_id, related_id)
);
