package capture

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// namePattern is the name of a recording, with directives for the time.
type namePattern struct {
	parts []string       // text, or a layout of package time
	time  []bool         // whether the part is a layout
	file  *regexp.Regexp // matches the base name of every file of the recording
	dir   string

	stamp string // in the name of the file that was set aside last
	n     int    // its number
}

// directive is a letter that may follow % in a name, the layout of package time that
// it stands for, and a pattern that matches such a time.
type directive struct {
	letter          byte
	layout, pattern string
}

var directives = [...]directive{
	{'Y', "2006", `\d{4}`},
	{'m', "01", `\d\d`},
	{'d', "02", `\d\d`},
	{'H', "15", `\d\d`},
	{'M', "04", `\d\d`},
	{'S', "05", `\d\d`},
}

// asideLayout is the time in the name of a file that is set aside.
const (
	asideLayout  = "20060102-150405"
	asidePattern = `(\.\d{8}-\d{6}(-\d+)?)?`
)

func parseName(name string) (namePattern, error) {
	p := namePattern{dir: filepath.Dir(name)}
	if name == "" || os.IsPathSeparator(name[len(name)-1]) {
		return p, fmt.Errorf("%q is no name of a file", name)
	}
	if runtime.GOOS == "windows" && strings.Contains(name[len(filepath.VolumeName(name)):], ":") {
		return p, fmt.Errorf("%q: a name with a colon is a stream of another file on this system", name)
	}
	if strings.Contains(p.dir, "%") {
		return p, errors.New("the directory of a recording must not depend on the time")
	}
	base := filepath.Base(name)
	stem, ext := split(base)
	var pattern strings.Builder
	pattern.WriteString("^")
	p.parts, p.time = []string{strings.TrimSuffix(name, base)}, []bool{false}
	for i := 0; i < len(base); i++ {
		if i == len(stem) {
			pattern.WriteString(asidePattern)
		}
		if base[i] != '%' {
			p.parts, p.time = append(p.parts, base[i:i+1]), append(p.time, false)
			pattern.WriteString(regexp.QuoteMeta(base[i : i+1]))
			continue
		}
		i++
		switch {
		case i == len(base):
			return p, errors.New("the name of a recording ends with %: %% is a %")
		case base[i] == '%':
			p.parts, p.time = append(p.parts, "%"), append(p.time, false)
			pattern.WriteString("%")
		default:
			n := slices.IndexFunc(directives[:], func(d directive) bool { return d.letter == base[i] })
			if n < 0 {
				return p, fmt.Errorf("%%%c is not known in the name of a recording: there are %%Y, %%m, %%d, %%H, %%M, %%S and %%%%", base[i])
			}
			p.parts, p.time = append(p.parts, directives[n].layout), append(p.time, true)
			pattern.WriteString(directives[n].pattern)
		}
	}
	if ext == "" {
		pattern.WriteString(asidePattern)
	}
	pattern.WriteString("$")
	p.file = regexp.MustCompile(pattern.String())
	return p, nil
}

// split cuts the extensions of the format off a base name.
func split(base string) (stem, ext string) {
	stem = base
	for _, suffix := range []string{".gz", ".zst", ".ndjson", ".jsonl", ".json", ".log"} {
		if s, ok := strings.CutSuffix(stem, suffix); ok && s != "" {
			stem, ext = s, suffix+ext
		}
	}
	return stem, ext
}

// at returns the name at the time t.
func (p *namePattern) at(t time.Time) string {
	var b strings.Builder
	for i, part := range p.parts {
		if p.time[i] {
			part = t.Format(part)
		}
		b.WriteString(part)
	}
	return b.String()
}

// setAside renames a file to a name with the time.
func (p *namePattern) setAside(name string, now time.Time) error {
	stem, ext := split(filepath.Base(name))
	stamp := now.Format(asideLayout)
	n := 0
	if stamp == p.stamp {
		// A number that is free again, for its file was removed, is not taken: the
		// names are in the order of the files.
		n = p.n + 1
	}
	for ; ; n++ {
		aside := filepath.Join(p.dir, stem+"."+stamp+ext)
		if n > 0 {
			aside = filepath.Join(p.dir, fmt.Sprintf("%s.%s-%d%s", stem, stamp, n, ext))
		}
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			p.stamp, p.n = stamp, n
			return os.Rename(name, aside)
		} else if err != nil {
			return err
		}
	}
}

// remove removes old files of the recording, the oldest first. It keeps the current
// one and the keep newest others. It returns the first error.
func (p *namePattern) remove(current string, keep int) error {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return err
	}
	var old []fs.FileInfo
	for _, e := range entries {
		if !e.Type().IsRegular() || e.Name() == filepath.Base(current) || !p.file.MatchString(e.Name()) {
			continue
		}
		if info, err := e.Info(); err == nil { // else it has just been removed
			old = append(old, info)
		}
	}
	slices.SortFunc(old, func(a, b fs.FileInfo) int {
		return cmp.Or(b.ModTime().Compare(a.ModTime()), cmp.Compare(len(b.Name()), len(a.Name())), strings.Compare(b.Name(), a.Name()))
	})
	var first error
	for _, info := range slices.Backward(old[min(keep, len(old)):]) {
		if err := os.Remove(filepath.Join(p.dir, info.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) && first == nil {
			first = err
		}
	}
	return first
}
