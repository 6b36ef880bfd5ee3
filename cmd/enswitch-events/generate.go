package main

// Generates the completions and the parts of the README that the program prints.
//go:generate go run ./internal/readme ../..

// The help of each command, in testdata/help.
//go:generate go test . -run ^TestHelp$ -update
