# What the programs of this folder share. Each writes tests/reference/questions/NAME.csv: values that whole questions
# are compared with. Own code; run one with: Rscript tests/reference/scripts/questions/NAME.R
options(digits = 17, warn = 1, stringsAsFactors = FALSE)
data_dir <- file.path(here, "..", "..", "data")
rd <- function(f) utils::read.csv(file.path(data_dir, f), na.strings = "")
rows <- list()
rec <- function(case, quantity, value, pkg = "stats", rtol = 1e-9, note = "") {
  version <- if (pkg %in% c("stats", "base")) paste(R.version$major, R.version$minor, sep = ".") else
    if (pkg == "own") "formula" else as.character(utils::packageVersion(pkg))
  for (i in seq_along(value))
    rows[[length(rows) + 1L]] <<- data.frame(case = case, quantity = quantity[i],
      value = sprintf("%.17g", as.numeric(value[i])), rtol = rtol, package = pkg, version = version, note = note)
}
flush <- function(name) {
  out <- do.call(rbind, rows)
  stopifnot(!any(duplicated(out[, c("case", "quantity")])))
  utils::write.csv(out, file.path(here, "..", "..", "questions", paste0(name, ".csv")), row.names = FALSE, quote = FALSE)
  cat(nrow(out), "values\n")
}
