"""Where the finished bytes go: one module per kind of target.

`volume` is a directory of files; the modules beside it are its parts: `tree` (what it is to hold), `survey` (what it
holds), `swap` and `flat` (the two ways of publishing), `hold` (open, locked, to be given back), and below them
`listing`, `reaper`, `lock`, `layout`, `fsio`, `outside` and `trouble`. `process` runs a program in the place of this
process, `init` is process 1, `program` is a program as a target, `supervisor` and `children` start it anew. What does
not belong here: making the bytes (`mapping`, `rendering`), and what follows a change.
"""
