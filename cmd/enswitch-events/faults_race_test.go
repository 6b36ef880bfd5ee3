//go:build race

package main

// raceEnabled says that the race detector is in the program and takes memory.
const raceEnabled = true
