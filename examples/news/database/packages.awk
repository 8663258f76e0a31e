# packages.awk - turns `apt-cache dumpavail` into tab-separated rows for COPY:
# name, version, maintainer's name, section, summary, homepage, tags, dependencies, size in bytes
BEGIN { RS = ""; FS = "\n" }

function clean(text) {
  gsub(/\\/, "\\\\", text)
  gsub(/[\t\r\n]+/, " ", text)
  return text
}

{
  delete field
  key = ""
  for (i = 1; i <= NF; i++) {
    if ($i ~ /^[ \t]/) {
      field[key] = field[key] " " $i
    } else {
      key = substr($i, 1, index($i, ":") - 1)
      field[key] = substr($i, index($i, ":") + 2)
    }
  }
  if (field["Package"] == "" || field["Description"] == "" || field["Package"] in seen) next
  seen[field["Package"]] = 1
  maintainer = field["Maintainer"]
  sub(/ *<.*/, "", maintainer) # no e-mail addresses on the site
  gsub(/"/, "", maintainer)
  section = field["Section"]
  sub(/.*\//, "", section)
  if (section == "") section = "misc"
  printf "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", clean(field["Package"]), clean(field["Version"]),
    clean(maintainer == "" ? "Debian" : maintainer), clean(section), clean(field["Description"]),
    clean(field["Homepage"]), clean(field["Tag"]), clean(field["Depends"]), field["Size"]
}
