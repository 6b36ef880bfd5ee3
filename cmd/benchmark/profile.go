package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// profiles is the variable with the directory for profiles.
const profiles = "BENCHMARK_PROFILES"

// profiler is a file that the program has in addition where it writes profiles. A run that is
// killed leaves an empty one.
const profiler = `package main

import (
	"os"
	"runtime/pprof"
	"strconv"
)

func init() {
	f, err := os.Create(os.Getenv("` + profiles + `") + "/" + strconv.Itoa(os.Getpid()))
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		panic(err)
	}
}

func exit(code int) {
	pprof.StopCPUProfile()
	os.Exit(code)
}
`

// profiledMain returns the program's main.go with exit of the profiler for os.Exit.
func profiledMain(source []byte) ([]byte, error) {
	const now, then = "\tos.Exit(run(", "\texit(run("
	if bytes.Count(source, []byte(now)) != 1 {
		return nil, fmt.Errorf("main.go does not end with %q", now)
	}
	return bytes.Replace(source, []byte(now), []byte(then), 1), nil
}

// buildProfiled builds the program so that each run writes a CPU profile.
func (b *bench) buildProfiled(ctx context.Context) error {
	dir, err := exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}}", program).Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	path := strings.TrimSpace(string(dir))
	source, err := os.ReadFile(filepath.Join(path, "main.go"))
	if err != nil {
		return err
	}
	if source, err = profiledMain(source); err != nil {
		return err
	}
	b.profiles = filepath.Join(b.dir, "profiles")
	files := map[string][]byte{"main.go": source, "profiler.go": []byte(profiler)}
	replace := map[string]string{}
	for name, text := range files {
		replace[filepath.Join(path, name)] = filepath.Join(b.dir, name)
		if err := os.WriteFile(filepath.Join(b.dir, name), text, 0o600); err != nil {
			return err
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	name := filepath.Join(b.dir, "overlay.json")
	return errors.Join(os.Mkdir(b.profiles, 0o700), os.WriteFile(name, overlay, 0o600), b.build(ctx, "-overlay", name))
}

// writeProfile writes what the profiles of all runs add up to.
func (b *bench) writeProfile(ctx context.Context, path string) error {
	all, err := filepath.Glob(filepath.Join(b.profiles, "*"))
	if err != nil {
		return err
	}
	args := []string{"tool", "pprof", "-proto", "-output", path}
	for _, p := range all {
		if info, err := os.Stat(p); err == nil && info.Size() > 0 {
			args = append(args, p)
		}
	}
	if out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("go tool pprof: %w\n%s", err, out)
	}
	return nil
}
