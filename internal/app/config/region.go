package config

import (
	"strings"

	"convstream/extractor/genesys"
)

// locate fills in the addresses of the region. Addresses that the user gave win, and both
// have to be given then: credentials for one platform must not go to another.
func (l *loader) locate() {
	s := &l.config.Source
	base, token, ok := genesys.Endpoints(s.Region)
	if s.Region != "" && !ok {
		l.problem("source.region", "%q is no region; choose one of %s", s.Region, strings.Join(genesys.Regions(), ", "))
	}
	switch {
	case s.BaseURL != "" && s.TokenURL == "":
		l.problem("source.token_url", "missing; source.base_url is given and needs it")
	case s.BaseURL == "" && s.TokenURL != "":
		l.problem("source.base_url", "missing; source.token_url is given and needs it")
	case s.BaseURL != "":
		l.address("source.base_url", s.BaseURL, false)
		l.address("source.token_url", s.TokenURL, false)
		s.BaseURL = strings.TrimRight(s.BaseURL, "/")
	case s.Region == "":
		l.problem("source.region", "missing; choose one of %s, or give source.base_url and source.token_url", strings.Join(genesys.Regions(), ", "))
	case ok:
		s.BaseURL, s.TokenURL = base, token
	}
}
