package flags

import (
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/spelling"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// zoned are the layouts of a time with a zone: RFC 3339, and what else the program date
// writes.
var zoned = [...]string{"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04Z07:00"}

// moments are the layouts of a time without a zone, besides the names. A time without a
// day is today; a day without a time is its beginning.
var moments = [...]struct {
	layout string
	day    bool // the layout includes the day
}{
	{"2006-01-02T15:04:05.999999999", true},
	{"2006-01-02T15:04", true},
	{"2006-01-02", true},
	{"15:04:05.999999999", false},
	{"15:04", false},
}

// parseMoment parses a time: RFC 3339, 2026-11-22 (its beginning), 2026-11-22 15:04,
// 15:04 (today), 10m or -10m or 1d12h (before now), now, today, yesterday, monday (the
// beginning of the last one, which may be today), monday 15:04, or a timestamp of an
// event, also as @1234567890. Without a zone the time is in the zone of now.
func parseMoment(text string, now time.Time) (time.Time, error) {
	midnight := func(days int) time.Time {
		return time.Date(now.Year(), now.Month(), now.Day()+days, 0, 0, 0, 0, now.Location())
	}
	switch name := strings.ToLower(text); name {
	case "now":
		return now, nil
	case "today":
		return midnight(0), nil
	case "yesterday":
		return midnight(-1), nil
	default:
		for day := range time.Weekday(7) {
			if full := strings.ToLower(day.String()); name == full || name == full[:3] {
				return midnight(-int(now.Weekday()-day+7) % 7), nil
			}
		}
	}
	if name, clock, ok := strings.Cut(text, " "); ok && strings.ContainsAny(strings.ToLower(name), "aeiou") && strings.Contains(clock, ":") { // yesterday 15:04
		if begin, err := parseMoment(name, now); err == nil {
			return parseMoment(clock, begin)
		}
	}
	if t, ok := ago(strings.TrimSuffix(strings.TrimPrefix(text, "-"), " ago"), now); ok {
		return t, nil
	}
	text = strings.TrimPrefix(text, "@") // as date and journalctl have it
	if usec, ok := event.Timestamp([]byte(text)); ok && len(text) >= len("100000000") {
		return time.UnixMicro(usec).In(now.Location()), nil
	}
	if strings.HasPrefix(text, "-") {
		return time.Time{}, errBefore
	}
	if date().MatchString(text) {
		text = text[:len(time.DateOnly)] + strings.Replace(strings.ToUpper(text[len(time.DateOnly):]), " ", "T", 1)
		for _, layout := range zoned {
			if t, err := time.Parse(layout, text); err == nil {
				return t.In(now.Location()), nil
			}
		}
	}
	for _, m := range moments {
		t, err := time.ParseInLocation(m.layout, text, now.Location())
		if err != nil {
			continue
		}
		if !m.day {
			t = time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), now.Location())
		}
		return t, nil
	}
	return time.Time{}, errMoment
}

var (
	errMoment = errors.New("write it like 2026-11-22T15:04:05Z, 2026-11-22, 15:04, 10m (ago), yesterday, monday or 1234567890.123456")
	errBefore = errors.New("a time before now is written like -10m, 2h30m or 1d")
)

// date matches a text that begins with a day, as numbers.
var date = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\d{4}-\d\d-\d\d`) })

// momentHint returns what to try after parseMoment has refused text with err.
func momentHint(text string, err error) string {
	names := []string{"now", "today", "yesterday"}
	for day := range time.Weekday(7) {
		names = append(names, strings.ToLower(day.String()))
	}
	if _, wrong := time.Parse(time.DateOnly, date().FindString(text)); date().MatchString(text) && wrong != nil {
		return "there is no such day"
	}
	if near := spelling.Hint(text, names); near != "" {
		return near + " " + err.Error()
	}
	return err.Error()
}

// ago returns the time that is the duration text before now. It returns false if text is
// no duration.
func ago(text string, now time.Time) (time.Time, bool) {
	days, rest, err := parseDuration(text)
	if err != nil || text == "0" {
		return time.Time{}, false
	}
	return now.AddDate(0, 0, -days).Add(-rest), true
}
