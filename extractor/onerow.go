package extractor

import "convstream/internal/conv"

// Row reads the text of one row as Split would have read it in a page. The row's bytes are those
// of text.
func (s *Splitter) Row(text []byte) (conv.Row, error) {
	p := &page{Splitter: s}
	p.scanner = scanner{buf: text, err: errEnd, maxRow: s.maxRow} // all that there is to read was read
	row, err := p.kept()
	if err != nil {
		return conv.Row{}, err
	}
	if p.space(); p.pos < len(p.buf) {
		return conv.Row{}, p.want("nothing behind the row")
	}
	s.keys.read(&row)
	return row, nil
}
