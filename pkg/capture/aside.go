package capture

import (
	"cmp"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// aside is a file that a Writer has set aside.
type aside struct {
	name string
	info fs.FileInfo
	key  asideKey
}

// asideKey orders the files that a Writer has set aside.
type asideKey struct {
	stamp string
	n     int
}

func (k asideKey) compare(other asideKey) int {
	return cmp.Or(strings.Compare(k.stamp, other.stamp), cmp.Compare(k.n, other.n))
}

// asides finds the files that a Writer sets aside, one after the other: between two
// looks at the name it may have begun several.
type asides struct {
	known bool
	after asideKey // of the last one before the current file, or the current file's own
}

// asideTime is what setAside puts between the stem of a name and what follows.
var asideTime = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(\d{8}-\d{6})(?:-(\d+))?$`) })

// list returns the files that were set aside from name after that key, in order.
//
// In a directory that cannot be listed there are none.
func (a *asides) list(name string) (all []aside) {
	dir, base := filepath.Split(name)
	stem, ext := split(base)
	entries, _ := os.ReadDir(cmp.Or(dir, "."))
	for _, e := range entries {
		middle, ok := strings.CutPrefix(e.Name(), stem+".")
		if !ok {
			continue
		}
		if middle, ok = strings.CutSuffix(middle, ext); !ok || !e.Type().IsRegular() {
			continue
		}
		m := asideTime().FindStringSubmatch(middle)
		if m == nil {
			continue
		}
		n, _ := strconv.Atoi(m[2]) // 0 without a number
		key := asideKey{m[1], n}
		if a.known && key.compare(a.after) <= 0 {
			continue
		}
		if info, err := e.Info(); err == nil { // else it was just removed
			all = append(all, aside{dir + e.Name(), info, key})
		}
	}
	slices.SortFunc(all, func(x, y aside) int { return x.key.compare(y.key) })
	return all
}

// next returns the files that were set aside since the first call, and after the file
// before, which is nil at first. gone says that some of them may have been removed
// already: before was removed, and a Writer removes the oldest files first.
func (a *asides) next(name string, before *growing) (next []aside, gone bool) {
	next = a.list(name)
	switch {
	case !a.known:
		if len(next) > 0 {
			a.after = next[len(next)-1].key
		}
		a.known = true
		return nil, false
	case len(next) > 0:
		// A file that is renamed while the directory is listed may be left out, though
		// one after it is there: those are all in the next list.
		next = a.list(name)
	}
	if before == nil {
		return next, false
	}
	next = a.behind(next, before)
	return next, len(next) > 0 && removed(before.file)
}

// behind returns those files of all that come after the file before.
func (a *asides) behind(all []aside, before *growing) []aside {
	i := slices.IndexFunc(all, func(x aside) bool { return os.SameFile(x.info, before.info) })
	if i < 0 {
		return all
	}
	a.after = all[i].key
	return all[i+1:]
}

// newer reports whether anything was set aside after the file before.
func (a *asides) newer(name string, before *growing) bool {
	all := a.list(name)
	if before != nil {
		all = a.behind(all, before)
	}
	return len(all) > 0
}
