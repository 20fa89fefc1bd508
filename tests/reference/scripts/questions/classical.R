# Debian: r-cran-car, r-cran-metafor, r-cran-lme4 (for rma.glmm).
here <- normalizePath(dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE)[1])))
source(file.path(here, "common.R"))
suppressMessages({library(car); library(metafor)})
# Several routes, spread taken as equal: the change by route.
d <- rd("grp_routes_n096.csv"); d <- d[!is.na(d$pre) & !is.na(d$post), ]; d$change <- round(d$post - d$pre, 9); d$route <- factor(d$route)
a <- aov(change ~ route, d); s <- summary(a)[[1]]; ss <- s[["Sum Sq"]]; ms <- s[["Mean Sq"]]; case <- "one-way"
rec(case, c("F", "p", "eta2", "omega2"), c(s[["F value"]][1], s[["Pr(>F)"]][1], ss[1] / sum(ss), (ss[1] - 2 * ms[2]) / (sum(ss) + ms[2])))
t <- TukeyHSD(a)$route
rec(case, paste0("difference_", rownames(t)), t[, "diff"]); rec(case, paste0("low_", rownames(t)), t[, "lwr"], rtol = 1e-6)
rec(case, paste0("p_adjusted_", rownames(t)), t[, "p adj"], rtol = 1e-5, note = "ptukey is accurate to about 1e-8")
b <- anova(lm(abs(change - ave(change, route, FUN = median)) ~ route, d)); rec(case, "p_spread", b[1, "Pr(>F)"])
k <- kruskal.test(change ~ route, d); rec("kruskal", c("H", "p", "epsilon2"), c(k$statistic, k$p.value, k$statistic / (nrow(d) - 1)))
# The answers to a rating of change by route: Wilson's intervals.
for (r in levels(d$route)) for (g in 1:2) {
  n <- sum(d$route == r & !is.na(d$pgic)); x <- sum(d$pgic[d$route == r] == g, na.rm = TRUE); w <- suppressWarnings(prop.test(x, n, correct = FALSE))
  rec("answers", paste(c("share", "low", "high"), r, g, sep = "_"), c(x / n, w$conf.int), rtol = 1e-9)
}
# Four visits of everybody.
l <- rd("long_complete_n018.csv"); l <- l[order(l$id, l$visit), ]; y <- matrix(l$y, ncol = 4, byrow = TRUE); arm <- factor(l$arm[!duplicated(l$id)])
visit <- factor(1:4); idata <- data.frame(visit)
of <- function(m) summary(Anova(m, idata = idata, idesign = ~ visit, type = 3), multivariate = FALSE)
one <- of(lm(y ~ 1)); u <- one$univariate.tests; p <- one$pval.adjustments
rec("rm anova", c("F", "epsilon_gg", "p_gg", "epsilon_hf", "p_hf"), c(u["visit", "F value"], p["visit", "GG eps"], p["visit", "Pr(>F[GG])"], p["visit", "HF eps"], p["visit", "Pr(>F[HF])"]), "car", 1e-8)
z <- y %*% contr.helmert(4); n <- nrow(z); t2 <- n * colMeans(z) %*% solve(cov(z)) %*% colMeans(z); f <- t2 * (n - 3) / (3 * (n - 1))
rec("rm anova", c("F_multivariate", "p_multivariate"), c(f, pf(f, 3, n - 3, lower.tail = FALSE)))
options(contrasts = c("contr.sum", "contr.poly")); two <- of(lm(y ~ arm)); u <- two$univariate.tests; p <- two$pval.adjustments
rec("rm anova by arm", c("F_arm", "p_arm", "F_visit", "F_both"), c(u["arm", "F value"], u["arm", "Pr(>F)"], u["visit", "F value"], u["arm:visit", "F value"]), "car", 1e-8)
rec("rm anova by arm", c("p_gg_visit", "p_gg_both"), p[c("visit", "arm:visit"), "Pr(>F[GG])"], "car", 1e-8)
q <- quade.test(round(10 * y)); rec("quade", c("F", "p"), c(q$statistic, q$p.value))
f <- friedman.test(y); rec("friedman", c("chi2", "p", "w"), c(f$statistic, f$p.value, f$statistic / (nrow(y) * 3)))
r <- t(apply(y, 1, rank)); L <- sum(colSums(r) * 1:4); zl <- (L - nrow(y) * 4 * 25 / 4) / sqrt(nrow(y) * 16 * 5 * 15 / 144)
rec("page", c("L", "z", "p", "correlation"), c(L, zl, pnorm(zl, lower.tail = FALSE), 12 * sum((t(r) - 2.5) * (1:4 - 2.5)) / (60 * nrow(y))), "own")
# Two scores, before and after: the first two visits and the last two.
c2 <- cbind(first = y[, 2] - y[, 1], second = y[, 4] - y[, 3])
h <- summary(manova(c2 ~ 1), test = "Hotelling", intercept = TRUE)$stats
rec("profile", c("F", "df2", "p"), h[1, c("approx F", "den Df", "Pr(>F)")])
ts <- apply(c2, 2, function(x) t.test(x)$p.value); rec("profile", paste0("p_holm_", names(ts)), p.adjust(ts, "holm"), rtol = 1e-7, note = "ours rounds each difference to 9 decimals")
k <- cor.test(c2[, 1], c2[, 2]); rec("change correlation", c("r", "low", "high", "p"), c(k$estimate, k$conf.int, k$p.value), rtol = 1e-7, note = "ours rounds each difference to 9 decimals")
# Sites that share counts, means and SDs only.
m <- rd("meta_sites_k09.csv")
g <- rma.glmm(measure = "PLO", xi = responders, ni = n, data = m, nAGQ = 15)
rec("share-logistic", "share", plogis(as.numeric(g$beta)), "metafor", 1e-5)
m$yi <- m$mean_change; m$vi <- m$sd_change^2 / m$n
w <- rma(yi, vi, mods = ~ n, data = m, test = "knha", control = list(threshold = 1e-12, maxiter = 1000))
rec("moderator", c("slope", "se", "p", "R2"), c(w$beta[2], w$se[2], w$pval[2], w$R2), "metafor", 1e-6)
b <- rd("bin_strata_sites.csv")
for (kind in c("RD", "RR", "OR")) {
  w <- rma(measure = kind, ai = x1, n1i = n1, ci = x2, n2i = n2, data = b, test = "knha", control = list(threshold = 1e-12, maxiter = 1000))
  back <- if (kind == "RD") identity else exp
  rec(paste0(kind, "-random"), c("value", "low", "high", "p"), c(back(c(w$beta, w$ci.lb, w$ci.ub)), w$pval), "metafor", 1e-6)
}
flush("classical")
