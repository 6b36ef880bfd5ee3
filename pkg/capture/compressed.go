package capture

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/transform"
)

const (
	// storedBuffer is how many bytes of a compressed file are read at once.
	storedBuffer = 128 << 10
	// maxWindow is the largest window in bytes of a zstd frame, which is the memory
	// that decoding takes. The zstd command has the same default.
	maxWindow = 128 << 20
)

const (
	gzipMagic = "\x1f\x8b\x08"
	zstdMagic = "\x28\xb5\x2f\xfd"
	// zstdSkip follows the first byte of a skippable frame, which is 0x50 to 0x5f.
	zstdSkip = "\x2a\x4d\x18"
)

var errGarbage = errors.New("not compressed data")

// foreign are formats that are recognized by their first bytes and not read.
var foreign = [...]struct{ magic, format string }{
	{"\xfd7zXZ\x00", "compressed with xz"},
	{"BZh", "compressed with bzip2"},
	{"\x04\x22\x4d\x18", "compressed with lz4"},
	{"PK\x03\x04", "a zip archive"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive"},
	{"PAR1", "a Parquet file"},
	{"\xd4\xc3\xb2\xa1", "a packet capture (pcap)"},
	{"\x0a\x0d\x0d\x0a", "a packet capture (pcapng)"},
	{"SQLite", "an SQLite database"},
}

// FormatError is the error of a [Damage] if a capture is in a format that is
// recognized and cannot be read.
type FormatError struct {
	// Format names the format, as it follows "it is": "compressed with xz",
	// "a zip archive".
	Format string
}

func (e *FormatError) Error() string { return "it is " + e.Format + ", which is not read" }

// encodings are the encodings of text that are recognized by the first bytes: by a
// byte order mark, or by the NUL bytes around the brace of the first event.
var encodings = [...]struct {
	magic string
	of    encoding.Encoding
}{
	{"\xff\xfe\x00\x00", utf32.UTF32(utf32.LittleEndian, utf32.UseBOM)},
	{"\x00\x00\xfe\xff", utf32.UTF32(utf32.BigEndian, utf32.UseBOM)},
	{"{\x00\x00\x00", utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)},
	{"\x00\x00\x00{\x00\x00", utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)},
	{"\xff\xfe", unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)},
	{"\xfe\xff", unicode.UTF16(unicode.BigEndian, unicode.UseBOM)},
	{"{\x00", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)},
	{"\x00{\x00", unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)},
}

// detect finds out from the first bytes how the capture is stored, and sets r.text.
func (r *Reader) detect() error {
	var head [6]byte
	n := 0
	r.in.keep = r.file == nil
	for n < len(head) {
		m, err := r.in.Read(head[n:])
		n += m
		if errors.Is(err, io.EOF) || n > 0 && !compressed(head[:n]) {
			break
		}
		if err != nil {
			return err
		}
	}
	start := head[:n]
	for _, f := range foreign {
		if bytes.HasPrefix(start, []byte(f.magic)) {
			r.text = bytes.NewReader(nil)
			return &Damage{Name: r.o.Name, Err: &FormatError{f.format}}
		}
	}
	switch {
	case bytes.HasPrefix(start, []byte(gzipMagic)):
		return r.decode(&stored{decoder: &gzipDecoder{}, magic: []byte(gzipMagic), members: &members{buf: make([]byte, storedBuffer)}})
	case isZstd(start):
		return r.decode(&stored{decoder: &zstdDecoder{}, magic: []byte(zstdMagic)})
	}
	for _, e := range encodings {
		if bytes.HasPrefix(start, []byte(e.magic)) {
			r.text = transform.NewReader(io.MultiReader(bytes.NewReader(start), &r.in), e.of.NewDecoder())
			r.in.keep, r.in.recent = false, nil
			return nil
		}
	}
	r.plain = true
	r.in.keep, r.in.recent = false, nil
	r.text = &r.in
	if n > 0 {
		r.text = &prefixed{start: start, r: &r.in}
	}
	return nil
}

// decode sets r.text to the text that s decodes from the beginning of the capture.
func (r *Reader) decode(s *stored) error {
	s.r, s.in = r, bufio.NewReaderSize(nil, storedBuffer)
	r.text = s
	err := s.back(0)
	if s.members != nil {
		// members finds the next member by itself, without going back.
		s.members.s, r.in.keep = s, false
		s.in.Reset(s.members)
	}
	return err
}

// compressed reports whether a capture that begins with start may be compressed, in a
// foreign format, or in another encoding than UTF-8.
func compressed(start []byte) bool {
	like := func(magic string) bool {
		n := min(len(start), len(magic))
		return string(start[:n]) == magic[:n]
	}
	for _, f := range foreign {
		if like(f.magic) {
			return true
		}
	}
	for _, e := range encodings {
		if like(e.magic) {
			return true
		}
	}
	return like(gzipMagic) || like(zstdMagic) || start[0]&0xf0 == 0x50 && (len(start) == 1 || bytes.HasPrefix(start[1:], []byte(zstdSkip[:min(3, len(start)-1)])))
}

func isZstd(start []byte) bool {
	return bytes.HasPrefix(start, []byte(zstdMagic)) || len(start) >= 4 && start[0]&0xf0 == 0x50 && string(start[1:4]) == zstdSkip
}

// prefixed reads start and then r.
type prefixed struct {
	start []byte
	r     io.Reader
}

func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.start) > 0 {
		n := copy(b, p.start)
		p.start = p.start[n:]
		return n, nil
	}
	return p.r.Read(b)
}

// decoder decodes data that begin with a magic number.
type decoder interface {
	// reset starts decoding in, from which the decoder reads no more than it decodes.
	reset(in *bufio.Reader) error
	io.Reader
	release()
}

// stored is the text of a compressed capture. Read returns a *Damage for a place that
// cannot be decoded. The next call goes on at the next magic number.
type stored struct {
	r       *Reader
	in      *bufio.Reader
	decoder decoder
	magic   []byte
	members *members // between the capture and in; nil for zstd

	open  bool  // the decoder is inside a member or frame
	begin int64 // offset of that member or frame in the file
	good  int64 // offset of the decoder before its last Read
	ended bool
}

// at returns the offset of the decoder in the file.
func (s *stored) at() int64 {
	at := s.r.in.n.Load() - int64(s.in.Buffered())
	if s.members != nil {
		at -= int64(len(s.members.ahead))
	}
	return at
}

func (s *stored) Read(p []byte) (int, error) {
	if s.ended {
		return 0, io.EOF
	}
	if !s.open {
		if end, err := s.atEnd(); end {
			s.ended = true
			return 0, err
		}
		s.begin = s.at() // atEnd has filled the buffer
		s.good = s.begin
		s.open = true
		if err := s.decoder.reset(s.in); err != nil {
			return 0, s.damage(err)
		}
	}
	s.good = s.at()
	n, err := s.decoder.Read(p)
	if err == io.EOF { //nolint:errorlint // the end is never wrapped; a wrapped EOF is damage
		s.open = false
		return n, nil
	}
	if err != nil {
		err = s.damage(err)
	}
	return n, err
}

// atEnd reports whether the data have ended. Zeros after the last member are padding,
// as for gzip.
func (s *stored) atEnd() (bool, error) {
	for {
		b, err := s.in.Peek(1)
		if err != nil {
			return true, err
		}
		if b[0] != 0 {
			return false, nil
		}
		_, _ = s.in.Discard(1)
	}
}

// damage returns the *Damage for an error of the decoder, and skips to the next magic
// number. An error of reading the file is returned unchanged.
func (s *stored) damage(err error) error {
	s.open = false
	cut := s.members != nil && s.members.cut
	if f := s.r.in.err; f != nil && !errors.Is(f, io.EOF) && !cut {
		s.ended = true
		return f
	}
	d := &Damage{Name: s.r.o.Name, Offset: s.at(), Err: fault(err)}
	if s.members != nil {
		s.in.Reset(s.members)
		s.ended = !cut && !s.members.skip()
		return d
	}
	if s.back(max(s.begin+1, s.good)) != nil {
		s.ended = true
		return d
	}
	for {
		b, err := s.in.Peek(storedBuffer / 2)
		if i := bytes.Index(b, s.magic); i >= 0 {
			_, _ = s.in.Discard(i)
			return d
		}
		if err != nil {
			s.ended = true
			return d
		}
		_, _ = s.in.Discard(len(b) - len(s.magic) + 1)
	}
}

// back goes back a little, to an offset of the capture as it is stored.
func (s *stored) back(offset int64) error {
	if in := &s.r.in; s.r.file == nil {
		in.back(offset)
	} else if _, err := s.r.file.Seek(offset, io.SeekStart); err != nil {
		return err
	} else {
		in.n.Store(offset)
	}
	s.in.Reset(&s.r.in)
	return nil
}

// fault returns an error of a decoder in words that suit every format.
func fault(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, zstd.ErrMagicMismatch):
		return errGarbage
	}
	return err
}

func (s *stored) release() { s.decoder.release() }

// gzipDecoder decodes one member.
type gzipDecoder struct{ z *gzip.Reader }

func (d *gzipDecoder) reset(in *bufio.Reader) error {
	var err error
	if d.z == nil {
		if d.z, err = gzip.NewReader(in); err != nil {
			d.z = nil
			return err
		}
	} else if err = d.z.Reset(in); err != nil {
		return err
	}
	d.z.Multistream(false)
	return nil
}

func (d *gzipDecoder) Read(p []byte) (int, error) { return d.z.Read(p) }

func (d *gzipDecoder) release() {}

// zstdDecoder decodes successive frames.
type zstdDecoder struct{ z *zstd.Decoder }

func (d *zstdDecoder) reset(in *bufio.Reader) error {
	if d.z == nil {
		// With one thread it reads no further than it decodes.
		z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return err
		}
		d.z = z
	}
	return d.z.Reset(justReader{in})
}

func (d *zstdDecoder) Read(p []byte) (int, error) { return d.z.Read(p) }

func (d *zstdDecoder) release() {
	if d.z != nil {
		d.z.Close()
	}
}

// justReader hides all methods but Read, so that the decoder cannot read ahead.
type justReader struct{ r io.Reader }

func (j justReader) Read(p []byte) (int, error) { return j.r.Read(p) }
