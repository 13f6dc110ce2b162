// Package policy holds the rules of the code base as tests; it has no other code.
//
// Each rule is a check that takes parsed source, run over the real tree and over
// small samples that break it, so that a check which can no longer fail is found
// out. The reason for every allowance stands beside it in the tables.
//
//  1. Imports go one way, placement <- daemon <- daemon/... <- rollout <- rollout/..., and each
//     package imports only what its table lists. Nothing released imports a package under internal.
//  2. go.mod requires exactly the four modules named in requirements, and replaces
//     and excludes nothing.
//  3. These packages only compute: no clock, no randomness, no I/O, no
//     goroutine, no panic, no state outside the arguments. daemon/daemontest, which is for
//     tests, also reads files.
//  4. Exported functions take no bool and no functional options: both grow badly.
//  5. Every package has a comment, these cite upstream in it as symbol@tag, and the
//     three at the top number their rules; every exported name is documented.
//  6. No file or package is a drawer for odds and ends.
//  7. No text in the tree depends on one machine or leaves work undone.
//  8. The README shows what the commands in it print, its example compiles, and
//     every name that it and the package map mention exists.
package policy
