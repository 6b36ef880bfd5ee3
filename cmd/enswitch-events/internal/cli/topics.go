package cli

import (
	"embed"
	"path"
	"strings"
)

// topicFiles holds a text for each topic of help: topics/NAME.txt, plain text of at
// most 80 columns, its first line what help says of the topic in one line. A line that
// begins with "  $ " is a command, which goes on after a line that ends in \ or |; the
// lines below it, up to an empty one, are what it prints. A test runs them, and with
// -update writes what they print.
//
//go:embed topics/*.txt
var topicFiles embed.FS

// Topic is a subject of help that is no command.
type Topic struct {
	Name  string
	Short string // one line
	Text  string // the whole of it, Short the first line
}

// Topics returns all topics, by name.
func Topics() []Topic {
	const dir = "topics"
	files, err := topicFiles.ReadDir(dir)
	if err != nil {
		return nil // it is part of the program
	}
	topics := make([]Topic, 0, len(files))
	for _, f := range files {
		text, err := topicFiles.ReadFile(path.Join(dir, f.Name()))
		if err != nil {
			continue
		}
		short, _, _ := strings.Cut(string(text), "\n")
		topics = append(topics, Topic{strings.TrimSuffix(f.Name(), ".txt"), short, string(text)})
	}
	return topics
}

// findTopic returns the topic of that name, nil if there is none.
func findTopic(name string) *Topic {
	for _, t := range Topics() {
		if t.Name == name {
			return &t
		}
	}
	return nil
}

// topicsElsewhere are other words for the topics.
var topicsElsewhere = []struct{ typed, topic string }{ //nolint:gochecknoglobals // a table that nothing changes
	{"timezone timezones zone times date dates since", "time"},
	{"code codes status error errors", "exit-codes"},
	{"grep where class filter filtering regexp regex regexps", "filters"},
	{"key keys authkey address addresses tls proxy websocket connect", "connection"},
	{"example examples howto", "recipes"},
	{"line format formats fields csv colour color colours colors", "output"},
	{"record rotate rotation logrotate", "recording"},
	{"nats jetstream stream group groups cluster deployment deploy", "streams"},
	{"target targets queue signature webhook", "delivery"},
	{"post listening", "posts"},
	{"scenario flows yaml", "scenarios"},
	{"powershell cmd quotes quoting", "windows"},
	{"buffer spill signals drop dropped", "limits"},
	{"templates functions", "template"},
	{"classes class names", "events"},
	{"gojq query", "jq"},
	{"env environment profile profiles settings", "config"},
}
