package simulator

import "encoding/hex"

// ID is the id of an interaction or a conversation. It is written as a UUID.
type ID [16]byte

// String renders the id as a UUID in lower case.
func (id ID) String() string { return string(id.append(nil)) }

func (id ID) append(dst []byte) []byte {
	dst = append(hex.AppendEncode(dst, id[:4]), '-')
	dst = append(hex.AppendEncode(dst, id[4:6]), '-')
	dst = append(hex.AppendEncode(dst, id[6:8]), '-')
	dst = append(hex.AppendEncode(dst, id[8:10]), '-')
	return hex.AppendEncode(dst, id[10:])
}

func (d *dice) id() ID {
	var id ID
	a, b := d.next(), d.next()
	for i := range 8 {
		id[i], id[8+i] = byte(a>>(8*i)), byte(b>>(8*i))
	}
	id[6] = id[6]&0x0f | 0x40 // version 4
	id[8] = id[8]&0x3f | 0x80
	return id
}

// Row is what a row of the platform means, apart from how a page spells it.
type Row struct {
	InteractionID  ID     // the row's own, unlike every other
	ConversationID ID     // zero in a keyless row
	Time           int64  // event time, epoch ms
	Type           string // voice, chat, email, message or callback; "" is none, in a row that is invalid for it
	Segment        string // attributes.custom.customer_segment; "" is none, spelt null or left out
	Priority       string // attributes.custom.case_priority; "" is none
	Queue          int64  // metrics.queuetime.ms; -1 is none
	Handled        int64  // metrics.handledtime.ms; -1 is none
	Poison         Poison // what is wrong with the row; "" for a true row
}

// none is a metric that the row has not.
const none = -1

var (
	types      = [...]string{"voice", "voice", "voice", "chat", "email", "message", "callback"}
	segments   = [...]string{"enterprise", "small/medium", "privé", "öffentlicher Dienst", "the \"gold\" club", "loyal 🙂"}
	priorities = [...]string{"high", "normal", "low"}
)

// revisedHandled is above every handled time that a row has before it is revised.
const revisedHandled = 3_600_000

// row returns true row i as it is in the view.
func (w *world) row(i int, v view) Row {
	r := w.content(i, w.at(i))
	c := newDice(w.seed, forConversation, uint64(leader(i, &sameConversation)))
	r.ConversationID = c.id()
	if v.revised && w.revises(i) {
		r.Handled = revisedHandled + int64(i%1000)
	}
	r.Poison = w.invalid.wrong(i)
	r.spoil()
	return r
}

// revises says whether row i is another one after the revision.
func (w *world) revises(i int) bool {
	return scale(i+1, w.revise, w.rows) > scale(i, w.revise, w.rows)
}

// content draws everything but the conversation.
func (w *world) content(i int, ms int64) Row {
	d := newDice(w.seed, forContent, uint64(i))
	r := Row{
		InteractionID: d.id(),
		Time:          ms,
		Type:          types[d.below(len(types))],
		Segment:       segments[d.below(len(segments))],
		Priority:      priorities[d.below(len(priorities))],
		Queue:         int64(d.below(120_000)),
		Handled:       int64(d.below(revisedHandled)),
	}
	if d.oneIn(8) {
		r.Segment = ""
	}
	if d.oneIn(4) {
		r.Priority = ""
	}
	if d.oneIn(10) {
		r.Queue = none
	}
	if d.oneIn(10) {
		r.Handled = none
	}
	return r
}
