# Rscript line.R; needs jsonlite
library(jsonlite)
asked <- fromJSON(readLines(file("stdin"), n = 1))
x <- asked$point$x
w <- asked$point$w
b <- asked$point$b
error <- sum(w*x) + b
cat(toJSON(list(gradient = list(w = error*x, b = error), loss = error^2/2), auto_unbox = TRUE, digits = I(17)))
