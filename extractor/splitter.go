package extractor

import (
	"io"

	"convstream/internal/conv"
)

// maxRow is the largest row that is kept, in bytes. Of a larger one the head, the length
// and the digest are.
const maxRow = 16 << 20

// maxNext is the longest page token that is believed, in bytes: it has to fit into a ledger
// record.
const maxNext = 64 << 10

// Envelope names the members of a results page that matter. All others are passed over.
type Envelope struct {
	Rows  string // an array; null or absent where the page has no rows
	Next  string // token of the next page; null, absent or "" behind the last page
	Count string // the job's own row count; optional, "" where pages have none

	// Available is the platform's watermark; optional, "" where pages have none.
	Available string
}

// Splitter cuts results pages into rows. It holds no state of its own and may be used by
// several goroutines.
type Splitter struct {
	envelope Envelope
	keys     Keys
	maxRow   int
}

// NewSplitter returns a Splitter for pages of that layout.
func NewSplitter(e Envelope, k Keys) *Splitter {
	return &Splitter{envelope: e, keys: k, maxRow: maxRow}
}

// Split reads a page from r to its end and hands its rows to emit, in order and without
// gaps, as soon as they are complete: before each read it emits the rows that the bytes so
// far have completed. Only the last chunk has End set; it comes once the page has closed
// properly with nothing behind it. Token and page number of the chunks are those of at;
// rows are counted from the page's start.
//
// A page that cannot be read to its end, or is not what the envelope says, is a
// [*PageError]; the rows emitted before it were whole. An error of emit ends Split and is
// returned as it is.
func (s *Splitter) Split(r io.Reader, at conv.Position, emit func(conv.Chunk) error) error {
	p := &page{Splitter: s, at: conv.Position{Token: at.Token, Page: at.Page}, emit: emit, count: -1}
	p.scanner = scanner{reader: r, flush: p.flush, maxRow: s.maxRow}
	if err := p.members(); err != nil {
		return err
	}
	if err := p.trailer(); err != nil {
		return err
	}
	last := p.chunk()
	last.End, last.Next = true, p.next
	last.Page = conv.PageFacts{Bytes: p.offset(), Count: p.count, Available: p.available}
	return emit(last)
}

// page is one page while it is being split.
type page struct {
	*Splitter
	scanner
	at   conv.Position // of the next row
	emit func(conv.Chunk) error
	rows []conv.Row // complete, and not yet emitted

	hasRows, hasNext, hasCount bool
	nullRows                   bool
	next                       string
	count                      int64
	available                  int64
}

// chunk takes the rows that are complete. The room behind them is for later rows.
func (p *page) chunk() conv.Chunk {
	n := len(p.rows)
	c := conv.Chunk{At: p.at, Rows: p.rows[:n:n]}
	c.At.Row -= n
	p.rows = p.rows[n:]
	return c
}

func (p *page) flush() error {
	if len(p.rows) == 0 {
		return nil
	}
	return p.emit(p.chunk())
}

// members passes the page's object, member by member.
func (p *page) members() error {
	if p.space() != '{' {
		return p.want("the page's object")
	}
	if err := p.push(conv.Object); err != nil {
		return err
	}
	if p.space() == '}' {
		p.pop()
		return nil
	}
	for complete := false; !complete; {
		if err := p.member(); err != nil {
			return err
		}
		switch p.space() {
		case ',':
			p.pos++
		case '}':
			p.pop()
			complete = true
		default:
			return p.want("a comma or the page's end")
		}
	}
	return nil
}

func (p *page) member() error {
	if p.space() != '"' {
		return p.want("a key")
	}
	key, err := p.kept()
	if err != nil {
		return err
	}
	if p.space() != ':' {
		return p.want("a colon")
	}
	p.pos++
	name, ok := text(&key)
	switch {
	case !ok || name == "":
		return p.value()
	case name == p.envelope.Rows:
		return p.once(&p.hasRows, name, p.rowArray)
	case name == p.envelope.Next:
		return p.once(&p.hasNext, name, p.nextToken)
	case name == p.envelope.Count:
		return p.once(&p.hasCount, name, p.rowCount)
	case name == p.envelope.Available:
		return p.watermark()
	}
	return p.value()
}

// once passes a member that a page must not have twice: nobody could say which one counts.
func (p *page) once(seen *bool, name string, pass func() error) error {
	if *seen {
		return &PageError{Offset: p.offset(), Reason: "it has " + name + " twice"}
	}
	*seen = true
	return pass()
}

// kept passes the next value and returns it.
func (p *page) kept() (conv.Row, error) {
	p.space()
	p.keep()
	if err := p.value(); err != nil {
		return conv.Row{}, err
	}
	return p.take(), nil
}

// text is the string that v consists of.
func text(v *conv.Row) (string, bool) {
	if len(v.Tokens) == 0 || v.Tokens[0].Kind != conv.String {
		return "", false
	}
	return string(v.Text(v.Tokens[0])), true
}

func (p *page) rowArray() error {
	switch p.space() {
	case 'n':
		p.nullRows = true
		return p.value()
	case '[':
	default:
		return p.want("the array " + p.envelope.Rows)
	}
	if err := p.push(conv.Array); err != nil {
		return err
	}
	if p.space() == ']' {
		p.pop()
		return nil
	}
	for complete := false; !complete; {
		if err := p.row(); err != nil {
			return err
		}
		var err error
		if complete, err = p.proceed(); err != nil {
			return err
		}
	}
	return nil
}

// rowSlab is how many rows are allocated at a time.
const rowSlab = 256

func (p *page) row() error {
	row, err := p.kept()
	if err != nil {
		return err
	}
	p.keys.read(&row)
	if n := len(p.rows); n == cap(p.rows) {
		fresh := make([]conv.Row, n, max(rowSlab, 2*n))
		copy(fresh, p.rows)
		p.rows = fresh
	}
	p.rows = append(p.rows, row)
	p.at.Row++
	return nil
}

func (p *page) nextToken() error {
	v, err := p.kept()
	if err != nil {
		return err
	}
	if next, ok := text(&v); ok {
		if len(next) > maxNext {
			return &PageError{Offset: p.offset(), Reason: p.envelope.Next + " is too long for a page token"}
		}
		p.next = next
		return nil
	}
	if len(v.Tokens) == 0 || v.Tokens[0].Kind != conv.Null {
		return &PageError{Offset: p.offset(), Reason: p.envelope.Next + " is neither a string nor null"}
	}
	return nil
}

// rowCount passes the count. A count that is none is as good as absent.
func (p *page) rowCount() error {
	v, err := p.kept()
	if err != nil {
		return err
	}
	if len(v.Tokens) == 1 && v.Tokens[0].Kind == conv.Number {
		if n, ok := integral(v.Raw); ok && n >= 0 {
			p.count = n
		}
	}
	return nil
}

// watermark passes the watermark. One that cannot be read is as good as absent.
func (p *page) watermark() error {
	v, err := p.kept()
	if err != nil {
		return err
	}
	p.available = 0
	if len(v.Tokens) > 0 {
		if ms, _, ok := instant(&v, v.Tokens[0]); ok {
			p.available = ms
		}
	}
	return nil
}

// emptyResult says whether the page is that of a result without rows: in dialect jobs it has
// nothing but the watermark. Behind a first page there is more, or a row.
func (p *page) emptyResult() bool { return p.available != 0 && p.at.Token == "" }

// trailer checks what only the page's end can tell.
func (p *page) trailer() error {
	if p.space(); p.pos < len(p.buf) {
		return p.want("nothing behind the page")
	}
	switch {
	case p.err != errEnd:
		return p.err
	case !p.hasNext && (!p.hasRows || p.nullRows) && !p.emptyResult():
		return &PageError{Offset: p.offset(), Reason: "it has neither " + p.envelope.Rows + " nor " + p.envelope.Next}
	}
	return nil
}
