package forward

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
)

// userInfo is the subject of the request for the user's own permissions, which servers answer
// since 2.9 to everybody who may publish to it.
const userInfo = "$SYS.REQ.USER.INFO"

// permissions are the subjects that a user may, or may not, publish to. An empty Allow is all
// subjects.
type permissions struct{ Allow, Deny []string }

// permitted asks for the permissions of the user, and returns an error if the user may publish
// none of the events. It gives notice of what else the user may not do. A server that does not
// answer permits everything until it refuses an event.
func (t *jetStream) permitted(ctx context.Context) error {
	p, err := t.permissions(ctx)
	if p == nil {
		return err
	}
	name := t.address.Name
	publish := &StreamError{Problem: StreamPermission, Subject: name + ".>"}
	if !p.may(name) {
		return publish
	}
	for _, subject := range p.Deny {
		if overlaps(subject, name) {
			t.notice(&StreamError{Problem: StreamPermission, Subject: subject})
		}
	}
	if consume := "$JS.API.CONSUMER"; !p.may(consume) {
		e := &StreamError{Problem: StreamPermission, Subject: consume + ".>"}
		t.notice(&StreamError{Problem: StreamUnread, Subject: e.Subject, Detail: e.Error()})
	}
	return nil
}

// permissions returns what the user may publish to, nil if it is not known. The error says why
// the connection is unusable.
func (t *jetStream) permissions(ctx context.Context) (*permissions, error) {
	ctx, w := t.watch(ctx, false)
	defer t.unwatch(w)
	request, cancel := context.WithTimeout(ctx, setupTimeout)
	defer cancel()
	t.mu.Lock()
	conn := t.conn
	t.asked = cancel
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		t.asked = nil
		t.mu.Unlock()
	}()
	if conn == nil {
		return nil, cmp.Or(context.Cause(ctx), errLost)
	}
	msg, err := conn.RequestWithContext(request, userInfo, nil)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrReconnectBufExceeded):
		return nil, errLost
	case err != nil:
		return nil, nil
	}
	var answer struct {
		Data struct {
			Permissions struct{ Publish permissions } `json:"permissions"`
		} `json:"data"`
	}
	if json.Unmarshal(msg.Data, &answer) != nil {
		return nil, nil
	}
	return &answer.Data.Permissions.Publish, nil
}

// may reports whether some subject below prefix is allowed.
func (p *permissions) may(prefix string) bool {
	allowed := func(pattern string) bool { return overlaps(pattern, prefix) }
	denied := func(pattern string) bool { return takes([]string{pattern}, prefix) }
	return (len(p.Allow) == 0 || slices.ContainsFunc(p.Allow, allowed)) && !slices.ContainsFunc(p.Deny, denied)
}

// overlaps reports whether a pattern takes some subject below prefix.
func overlaps(pattern, prefix string) bool {
	tokens := strings.Split(prefix, ".")
	theirs := strings.Split(pattern, ".")
	for i, token := range theirs {
		if token == ">" || i == len(tokens) {
			return true
		}
		if token != "*" && token != tokens[i] {
			return false
		}
	}
	return false
}
