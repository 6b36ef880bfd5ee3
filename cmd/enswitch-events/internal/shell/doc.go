// Package shell runs commands as the system's shell does: sh, or cmd.exe on Windows.
package shell
