// Command readme writes what the repository shows of the program: the shell
// completions, the pictures, and in the README the output of the examples. It
// builds the program, runs it, and copies what it prints, so that 'go generate
// ./...' brings all of it up to date. Its argument is the root of the repository.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: readme ROOT")
		os.Exit(2)
	}
	// A command of the README that does not end by itself is a fault of it.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if err := generate(ctx, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "readme:", err)
		os.Exit(1)
	}
}

func generate(ctx context.Context, root string) error {
	p, err := build(ctx, root)
	if err != nil {
		return err
	}
	defer os.RemoveAll(p.dir)
	return errors.Join(
		completions(ctx, p, filepath.Join(root, "completions")),
		picture(ctx, p, filepath.Join(root, "testdata", "readme", "tail.svg")),
		screens(ctx, p, filepath.Join(root, "testdata", "readme")),
		tracePicture(ctx, p, filepath.Join(root, "testdata", "readme", "trace.svg")),
		reportPicture(ctx, p, filepath.Join(root, "testdata", "readme", "report.svg")),
		rewrite(ctx, p, root),
	)
}

// program is the program, built into a folder of its own.
type program struct {
	root string // of the repository, where commands run
	dir  string
	env  []string
}

// build builds the program of the repository at root. The caller removes the
// folder.
func build(ctx context.Context, root string) (*program, error) {
	dir, err := os.MkdirTemp("", "readme")
	if err != nil {
		return nil, err
	}
	p := &program{root: root, dir: dir, env: []string{
		"PATH=" + filepath.Join(dir, "bin") + string(filepath.ListSeparator) + os.Getenv("PATH"),
		"HOME=" + dir, "XDG_CONFIG_HOME=" + dir, // no configuration
		"TERM=xterm-256color", "LANG=C.UTF-8", "TZ=UTC",
	}}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(dir, "bin")+string(filepath.Separator), "./cmd/enswitch-events")
	cmd.Dir = root
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, errors.Join(fmt.Errorf("build: %w", err), os.RemoveAll(dir))
	}
	return p, nil
}

// run runs a command line of the shell in which enswitch-events is this
// program, and returns what it printed on stdout.
func (p *program) run(ctx context.Context, line string, env ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Dir, cmd.Env = p.root, append(p.env, env...)
	var talk bytes.Buffer
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", line, err, talk.Bytes())
	}
	return out, nil
}

// completions writes the completion script of each shell, under the name by
// which the shell looks for it.
func completions(ctx context.Context, p *program, dir string) error {
	for shell, name := range map[string]string{
		"bash":       "enswitch-events.bash",
		"zsh":        "_enswitch-events",
		"fish":       "enswitch-events.fish",
		"powershell": "enswitch-events.ps1",
	} {
		out, err := p.run(ctx, "enswitch-events completion "+shell)
		if err != nil {
			return err
		}
		if err := write(filepath.Join(dir, name), out); err != nil {
			return err
		}
	}
	return nil
}

func write(name string, text []byte) error {
	return os.WriteFile(name, text, 0o644)
}
