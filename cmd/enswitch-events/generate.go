package main

// Generates the completions, the pictures, and what the README's examples print.
//go:generate go run ./internal/readme ../..

// The help of each command, in testdata/help, and the reference made of it, in docs.
//go:generate go test . -run ^(TestHelp|TestDocs)$ -update
