package genesys

import (
	"crypto/sha256"
	"encoding/hex"

	"convstream/extractor"
	"convstream/internal/conv"
)

// Client asks one organisation's API in the configured dialect. It is an [extractor.Source],
// and may be used by several goroutines.
type Client struct {
	dialect
	*wire
}

var _ extractor.Source = (*Client)(nil)

// dialect is the API as one of the two sets of words has it.
type dialect interface {
	extractor.Source

	// body is that of the request for the window's rows.
	body(w conv.Window) []byte

	// question is that body without its window.
	question() []byte
}

// New returns a Client. It asks nothing yet.
func New(c Config) (*Client, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	if c.Dialect == DialectJobs {
		w := newWire(&c, jobsPermissions)
		return &Client{newJobs(&c, w), w}, nil
	}
	w := newWire(&c, reportsPermissions)
	return &Client{newReports(&c, w), w}, nil
}

// Payload is the body that Submit sends for the window.
func (c *Client) Payload(w conv.Window) []byte { return c.body(w) }

// QueryHash tells queries apart that differ in more than their window: SHA-256 of the
// payload with empty bounds, in hexadecimal.
func (c *Client) QueryHash() string {
	sum := sha256.Sum256(c.question())
	return hex.EncodeToString(sum[:])
}
