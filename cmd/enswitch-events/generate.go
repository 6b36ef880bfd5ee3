package main

// The completions, and what the README shows of the program.
//go:generate go run ./internal/readme ../..
