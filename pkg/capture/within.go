package capture

import (
	"context"
	"io"
	"os"
)

// OpenWithin is like [Open], but nothing waits any longer once ctx is done: to
// open a named pipe waits for a writer, and to read one for what is written. The
// error is then that of ctx.
func OpenWithin(ctx context.Context, name string, o *Options) (*Reader, error) {
	if st, err := os.Stat(name); err != nil || st.IsDir() || st.Mode().IsRegular() {
		return Open(name, o)
	}
	type opened struct {
		f   *os.File
		err error
	}
	done := make(chan opened, 1)
	go func() {
		f, err := os.Open(name)
		done <- opened{f, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return nil, r.err
		}
		reader := NewReader(Within(ctx, r.f), o)
		reader.close = r.f
		if o == nil || o.Name == "" {
			reader.o.Name = name
		}
		return reader, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Within returns a reader of r that gives up when ctx is done, with the error of
// ctx. A file on disk does not block and is returned as it is. Another one is read
// by a goroutine, which is left behind in a Read that blocks.
func Within(ctx context.Context, r io.Reader) io.Reader {
	if f, ok := r.(*os.File); ok {
		if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
			return r
		}
	}
	in, out := io.Pipe()
	context.AfterFunc(ctx, func() { in.CloseWithError(ctx.Err()) })
	go func() {
		// Hidden, so that the size of the buffer is ours.
		_, err := io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{r}, make([]byte, 64<<10))
		out.CloseWithError(err)
	}()
	return in
}
