# Base R alone.
here <- normalizePath(dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE)[1])))
source(file.path(here, "common.R"))
# Five indices of reliable change, lower is better, reliability .8, cut-off c from a norm of mean 2, SD 1.5.
d <- rd("pp_n049_cont.csv"); d <- d[complete.cases(d[, c("pre", "post")]), ]
r <- 0.8; x <- d$pre; y <- d$post; m <- mean(x); s <- sd(x); m2 <- mean(y); s2 <- sd(y)
sem <- s * sqrt(1 - r); se_pred <- s * sqrt(1 - r^2)
rdd <- (s^2 * (1 - sem^2 / s^2) + s2^2 * (1 - sem^2 / s2^2) - 2 * cov(x, y)) / (s^2 + s2^2 - 2 * cov(x, y))
index <- list("jacobson-truax" = (y - x) / (sqrt(2) * sem),
  "gulliksen-lord-novick" = (y - (m + r * (x - m))) / se_pred,
  "hsu" = (y - (m2 + r * (x - m))) / se_pred,
  "edwards-nunnally" = (y - (m + r * (x - m))) / sem,
  "hageman-arrindell" = ((y - x) * rdd + (m2 - m) * (1 - rdd)) / (sqrt(rdd) * sqrt(2 * sem^2)))
bound <- c(1.96, 1.96, 1.96, 2, 1.65)
cut <- (s * 2 + 1.5 * m) / (s + 1.5)
for (i in seq_along(index)) {
  v <- index[[i]]; b <- bound[i]; name <- names(index)[i]
  rec("individual_change", paste0(name, "_rci_", 1:5), v[1:5], "own")
  better <- v < -b; crossed <- better & x >= cut & y < cut
  rec("individual_change", paste0(name, c("_recovered", "_improved", "_unchanged", "_deteriorated")),
      c(sum(crossed), sum(better & !crossed), sum(abs(v) <= b), sum(v > b)), "own")
}
rec("individual_change", c("cutoff_a", "cutoff_b", "cutoff_c"), c(m - 2 * s, 2 + 2 * 1.5, cut), "own")
flush("individual")
