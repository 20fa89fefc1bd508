# Base R alone.
here <- normalizePath(dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE)[1])))
source(file.path(here, "common.R"))
# Two factors within patients: the first four visits of each patient taken as two conditions at two visits, all six as 2 x 3 (complete patients).
w <- rd("long_rct_n060.csv"); first <- w[!duplicated(w$id), ]
d <- rbind(data.frame(id = first$id, visit = "V0", y = first$base), w[, c("id", "visit", "y")])
d <- d[d$id %in% names(which(tapply(!is.na(d$y), d$id, sum) == 6)), ]; d <- d[order(d$id, d$visit), ]; vis <- sort(unique(d$visit))
for (b in 2:3) {
  k <- d[d$visit %in% vis[1:(2 * b)], ]; at <- match(k$visit, vis)
  k$cond <- factor(ifelse(at <= b, "A", "B")); k$v <- factor((at - 1) %% b); k$id <- factor(k$id)
  s <- summary(aov(y ~ cond * v + Error(id / (cond * v)), k)); case <- paste("within 2 x", b)
  f <- c(condition = s[["Error: id:cond"]][[1]][1, 4], visit = s[["Error: id:v"]][[1]][1, 4], both = s[["Error: id:cond:v"]][[1]][1, 4])
  rec(case, paste0("F_", names(f)), f)
  y <- array(k$y[order(k$id, k$cond, k$v)], c(b, 2, nlevels(k$id)))
  gg <- function(z) { e <- cov(z); p <- ncol(z); if (p == 1) 1 else sum(diag(e))^2 / (p * sum(e^2)) }
  cb <- contr.helmert(b); cb <- sweep(cb, 2, sqrt(colSums(cb^2)), "/")
  zv <- t(apply(y, 3, function(m) t(cb) %*% rowSums(m))); zx <- t(apply(y, 3, function(m) t(cb) %*% (m[, 2] - m[, 1])))
  if (b == 2) { zv <- t(zv); zx <- t(zx) }
  n <- nlevels(k$id); p <- b - 1
  rec(case, c("p_gg_visit", "p_gg_both"), c(pf(f["visit"], gg(zv) * p, gg(zv) * p * (n - 1), lower.tail = FALSE),
      pf(f["both"], gg(zx) * p, gg(zx) * p * (n - 1), lower.tail = FALSE)))
  m <- apply(y, c(2, 3), mean); t1 <- t.test(m[2, ], m[1, ], paired = TRUE)
  rec(case, c("difference", "low", "high", "p"), c(t1$estimate, t1$conf.int, t1$p.value), rtol = 1e-7,
      note = "ours rounds each difference to 9 decimals")
}
flush("within")
