package conv

// Refused counts dead letters of one reason. Route and reason are its key.
type Refused struct {
	Route  string `json:"route,omitempty"` // the derived route; "": the row topic
	Reason string `json:"reason"`
	Count  int64  `json:"count"`          // of all that were written, also those that were redriven since
	Told   bool   `json:"told,omitempty"` // the events topic has an alert of the route, which names the reason
}

// Refuse counts a dead letter.
func (c *Checkpoint) Refuse(route, reason string) {
	for i := range c.Refused {
		if r := &c.Refused[i]; r.Route == route && r.Reason == reason {
			r.Count++
			return
		}
	}
	c.Refused = append(c.Refused, Refused{Route: route, Reason: reason, Count: 1})
}
