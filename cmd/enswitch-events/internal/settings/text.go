package settings

import (
	"bytes"
	"errors"
)

var errUTF16 = errors.New("the text is UTF-16: save it as UTF-8, in PowerShell with Out-File -Encoding utf8")

// Text returns the text of a file that people write, without the mark of UTF-8 with which some
// editors begin it. UTF-16, as Windows PowerShell writes it with >, is an error.
func Text(text []byte) ([]byte, error) {
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return nil, errUTF16
	}
	return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), nil
}
