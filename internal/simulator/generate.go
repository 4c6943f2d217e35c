package simulator

import (
	"fmt"
	"time"
)

// telling is how a page writes the instants of a conversation.
type telling int

const (
	canonical telling = iota // UTC, with a Z
	offset                   // some hours ahead of UTC, and saying so
	zoneless                 // UTC, and not saying so
)

// instant writes as the platform does: with milliseconds, or without if there are none.
func (t telling) instant(ms int64) string {
	at := time.UnixMilli(ms).UTC()
	layout := "2006-01-02T15:04:05.000"
	if ms%1000 == 0 {
		layout = "2006-01-02T15:04:05"
	}
	switch t {
	case offset:
		return at.In(berlin).Format(layout + "-07:00")
	case zoneless:
		return at.Format(layout)
	}
	return at.Format(layout + "Z")
}

// What conversations are about: ids that many of them share.
var (
	divisionIDs = fixedIDs("division", 4)
	queueIDs    = fixedIDs("queue", 6)
	userIDs     = fixedIDs("user", 40)
	skillIDs    = fixedIDs("skill", 8)
	wrapUpIDs   = fixedIDs("wrapup", 12)
	formIDs     = fixedIDs("form", 3)
	flowIDs     = fixedIDs("flow", 5)
	edgeIDs     = fixedIDs("edge", 3)
)

// fixedIDs are the same in every world.
func fixedIDs(kind string, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		d := newDice(0, uint64(len(kind)), uint64(kind[0])<<8|uint64(kind[len(kind)-1]), uint64(i))
		ids[i] = d.id().String()
	}
	return ids
}

var (
	callTypes = [...]string{"voice", "voice", "voice", "voice", "chat", "email", "message", "message", "callback"}
	names     = [...]string{"Dana Example", "Zoë Ångström", "Łukasz Kowalski", "李小龍", "O'Brien \"Bob\"", "Mobile Caller"}
	notes     = [...]string{"Invoice corrected", "Rückruf vereinbart\nam Montag", "caller said \"thanks\" 🙂", "see <ticket> & mail", ""}
	exits     = [...]string{"peer", "client", "endpoint", "system", "transfer"}
)

func pick[T any](d *dice, from []T) T { return from[d.below(len(from))] }

// generator makes one conversation.
type generator struct {
	*dice
	telling
	c          *conversation
	start, end int64 // epoch ms
	ended      bool
	media      string
	direction  string
	queue      string
}

// conversation returns conversation i as it is in the view.
func (w *world) conversation(i int, v view, t telling) *conversation {
	d := newDice(w.seed, forContent, forCall, uint64(i))
	g := generator{dice: &d, telling: t, c: &conversation{}, start: w.at(i)}
	g.end, g.ended = w.end(i, v)
	g.media = pick(g.dice, callTypes[:])
	g.direction = "inbound"
	if g.oneIn(4) {
		g.direction = "outbound"
	}
	g.queue = pick(g.dice, queueIDs)
	g.head(w.callID(i).String())
	g.participants()
	g.afterwards()
	return g.c
}

func (g *generator) text() string { return g.id().String() }

func (g *generator) flag(n int) *bool {
	yes := g.oneIn(n)
	return &yes
}

// part returns the instant after so many thousandths of the conversation.
func (g *generator) part(n int64) int64 { return g.start + (g.end-g.start)*n/1000 }

func (g *generator) head(id string) {
	c := g.c
	c.ConversationID, c.ConversationStart = id, g.instant(g.start)
	if g.ended {
		c.ConversationEnd = g.instant(g.end)
	}
	c.OriginatingDirection = g.direction
	c.ConversationInitiator = "customer"
	if g.direction == "outbound" {
		c.ConversationInitiator = "agent"
	}
	c.CustomerParticipation = g.flag(1)
	c.DivisionIDs = []string{pick(g.dice, divisionIDs)}
	if second := pick(g.dice, divisionIDs); g.oneIn(6) && second != c.DivisionIDs[0] {
		c.DivisionIDs = append(c.DivisionIDs, second)
	}
	if g.oneIn(10) {
		c.ExternalTag = fmt.Sprintf("CRM/%d & co", g.below(100_000))
	}
	if g.media == "voice" {
		c.MediaStatsMinMos = float64(300+g.below(190)) / 100
		c.MediaStatsMinRFactor = float64(600+g.below(330)) / 10
	}
	if g.oneIn(5) {
		c.SelfServed = g.flag(2)
	}
}

func (g *generator) participants() {
	customer := g.customer()
	peer := customer.Sessions[0].SessionID
	g.c.Participants = append(g.c.Participants, customer)
	if g.direction == "inbound" {
		if g.media == "voice" && !g.oneIn(3) {
			g.c.Participants = append(g.c.Participants, g.ivr(peer))
		}
		g.c.Participants = append(g.c.Participants, g.acd(peer))
	}
	agents := 1
	if g.oneIn(10) {
		agents = 2
	}
	for n := range int64(agents) {
		from, to := 200+n*800/int64(agents), 200+(n+1)*800/int64(agents)
		g.c.Participants = append(g.c.Participants, g.agent(peer, g.part(from), g.part(to), int(n) == agents-1))
	}
}

// customer is there from the start to the end.
func (g *generator) customer() participant {
	s := g.session("")
	s.Segments = []segment{g.segment("interact", g.start, g.end, true)}
	s.Metrics = []metric{{g.instant(g.start), "nConnected", 1}}
	if g.ended {
		s.Metrics = append(s.Metrics, metric{g.instant(g.end), "tConnected", g.end - g.start})
	}
	if g.media == "email" {
		s.Segments[0].Subject = "Re: your order, \"urgent\" – please read"
	}
	return participant{
		ExternalContactID: g.text(), ParticipantID: g.text(), ParticipantName: pick(g.dice, names[:]), Purpose: "customer",
		Sessions: []session{s}, Attributes: g.attributes(),
	}
}

// attributes may be any texts. A few are as long as the platform lets them be, and cut there.
func (g *generator) attributes() map[string]string {
	if g.oneIn(12) {
		return nil
	}
	a := map[string]string{
		"customer_segment": pick(g.dice, segments[:]),
		"case_priority":    pick(g.dice, priorities[:]),
	}
	for n := range g.below(5) {
		a[fmt.Sprintf("crm.field %d", n)] = g.dice.text(8 + g.below(40))
	}
	if g.oneIn(20) {
		a["Kundennote/ü"] = ""
	}
	if g.oneIn(30) {
		a["basket"] = `{"items":[` + g.dice.text(1024-10)
	}
	return a
}

func (g *generator) ivr(peer string) participant {
	s := g.session(peer)
	end := g.part(80)
	s.Provider = "Edge"
	s.Segments = []segment{g.segment("ivr", g.start, end, false)}
	s.Metrics = []metric{{g.instant(g.start), "nFlow", 1}, {g.instant(end), "tIvr", end - g.start}, {g.instant(end), "tFlow", end - g.start}}
	s.Flow = &flow{
		EntryReason: "tel:+498912345600", EntryType: "dnis", ExitReason: "TRANSFER", FlowID: pick(g.dice, flowIDs),
		FlowName: "Main menu / Hauptmenü", FlowType: "INBOUNDCALL", FlowVersion: fmt.Sprintf("%d.0", 1+g.below(30)), Language: "de-DE",
		Outcomes: []outcome{{"SUCCESS", g.instant(end), g.text(), g.instant(g.start), "billing"}},
	}
	return participant{ParticipantID: g.text(), Purpose: "ivr", Sessions: []session{s}}
}

func (g *generator) acd(peer string) participant {
	s := g.session(peer)
	from, to := g.part(80), g.part(200)
	queued := g.segment("interact", from, to, false)
	queued.QueueID, queued.DisconnectType = g.queue, "transfer"
	s.Segments = []segment{queued}
	s.Metrics = []metric{{g.instant(from), "nOffered", 1}, {g.instant(to), "tAcd", to - from}}
	s.EligibleAgents = []int{g.below(20), g.below(5)}
	s.RequestedRoutings, s.UsedRouting = []string{"Standard"}, "Standard"
	return participant{ParticipantID: g.text(), ParticipantName: "Support queue", Purpose: "acd", Sessions: []session{s}}
}

func (g *generator) agent(peer string, from, to int64, last bool) participant {
	s := g.session(peer)
	span := to - from
	type step struct {
		kind     string
		from, to int64
	}
	steps := []step{{"alert", from, from + span/20}, {"interact", from + span/20, to}}
	if g.media == "voice" && g.oneIn(2) {
		steps = []step{steps[0], {"interact", from + span/20, from + span/2}, {"hold", from + span/2, from + span*6/10}, {"interact", from + span*6/10, to}}
	}
	for n, step := range steps {
		seg := g.segment(step.kind, step.from, step.to, last && n == len(steps)-1)
		seg.QueueID = g.queue
		if n == 1 {
			seg.LanguageID, seg.SkillIDs = skillIDs[0], []string{pick(g.dice, skillIDs), pick(g.dice, skillIDs)}
		}
		s.Segments = append(s.Segments, seg)
	}
	s.Metrics = append(s.Metrics,
		metric{g.instant(steps[0].to), "tAlert", span / 20},
		metric{g.instant(steps[0].to), "tAnswered", steps[0].to - g.start},
	)
	if len(steps) > 2 {
		s.Metrics = append(s.Metrics, metric{g.instant(steps[2].to), "tHeldComplete", span / 10})
	}
	acw := int64(5_000 + g.below(60_000))
	code, note := pick(g.dice, wrapUpIDs), pick(g.dice, notes[:])
	if g.ended {
		s.Metrics = append(s.Metrics, metric{g.instant(to), "tTalkComplete", span * 8 / 10})
	}
	if g.ended { // behind the conversation's end
		s.Segments = append(s.Segments, segment{
			SegmentType: "wrapup", SegmentStart: g.instant(to), SegmentEnd: g.instant(to + acw), duration: acw,
			QueueID: g.queue, WrapUpCode: code, WrapUpNote: note,
		})
		s.Metrics = append(s.Metrics, metric{g.instant(to + acw), "tAcw", acw}, metric{g.instant(to + acw), "tHandle", span + acw})
	}
	return participant{
		ParticipantID: g.text(), ParticipantName: pick(g.dice, names[:]), Purpose: "agent", UserID: pick(g.dice, userIDs),
		ScreenRecording: g.flag(4), Sessions: []session{s},
	}
}

func (g *generator) session(peer string) session {
	s := session{SessionID: g.text(), MediaType: g.media, Direction: g.direction, PeerID: peer}
	number := fmt.Sprintf("tel:+49151%07d", g.below(10_000_000))
	switch g.media {
	case "voice":
		s.Provider, s.ANI, s.DNIS, s.SessionDNIS = "Edge", number, "tel:+498912345600", "tel:+498912345600"
		s.EdgeID, s.ProtocolCallID, s.Recording = pick(g.dice, edgeIDs), g.dice.text(12)+"@10.0.0.5", g.flag(2)
		if peer != "" && g.oneIn(2) {
			break
		}
		s.MediaEndpointStats = []endpointStat{{
			Codecs: []string{"audio/opus"}, EventTime: g.instant(g.end), DiscardedPackets: int64(g.below(20)), MaxLatencyMs: int64(g.below(400)),
			MinMos: float64(300+g.below(190)) / 100, MinRFactor: float64(600+g.below(330)) / 10, ReceivedPackets: int64(g.below(40_000)),
		}}
	case "email":
		s.Provider, s.AddressFrom, s.AddressTo = "PureCloud Email", "customer+7@example.org", "support@example.com"
	case "callback":
		s.Provider, s.CallbackNumbers = "PureCloud Callback", []string{number}
	case "message":
		s.Provider, s.MessageType = "PureCloud Messaging", "whatsapp"
	default:
		s.Provider, s.Remote = "PureCloud Webchat v2", pick(g.dice, names[:])
	}
	return s
}

// segment lasts to the conversation's end if it is the last one, and has no end as long as
// the conversation has none.
func (g *generator) segment(kind string, from, to int64, last bool) segment {
	seg := segment{SegmentType: kind, SegmentStart: g.instant(from)}
	if g.oneIn(4) {
		seg.Conference = g.flag(2)
	}
	exit := pick(g.dice, exits[:]) // drawn in any case: an end changes nothing else
	if last && !g.ended {
		return seg
	}
	seg.SegmentEnd, seg.duration = g.instant(to), to-from
	if last {
		seg.DisconnectType = exit
		if g.media == "voice" {
			seg.SIPCodes = []int{200}
		}
	}
	return seg
}

// afterwards adds what others made of the conversation.
func (g *generator) afterwards() {
	if !g.ended {
		return
	}
	if g.oneIn(10) {
		g.c.Evaluations = []evaluation{{
			ContextID: g.text(), EvaluationID: g.text(), Status: "Finished", EvaluatorID: pick(g.dice, userIDs),
			EventTime: g.instant(g.end + hour), FormID: pick(g.dice, formIDs), FormName: "Quality 2024", QueueID: g.queue,
			Released: g.oneIn(2), UserID: pick(g.dice, userIDs), CriticalScore: int64(g.below(101)), Score: int64(g.below(101)),
		}}
	}
	if g.oneIn(12) {
		g.c.Surveys = []survey{{
			EventTime: g.instant(g.end + hour/4), QueueID: g.queue, FormID: pick(g.dice, formIDs), FormName: "How was it?",
			SurveyID: g.text(), PromoterScore: g.below(11), Status: "Finished", Type: "Web", UserID: pick(g.dice, userIDs), Score: int64(g.below(101)),
		}}
	}
	if g.oneIn(12) {
		g.c.Resolutions = []resolution{{EventTime: g.instant(g.end + 2*hour), QueueID: g.queue, UserID: pick(g.dice, userIDs), Avoided: 1}}
	}
}
