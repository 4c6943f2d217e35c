package config

import (
	"strings"

	"convstream/extractor/genesys"
)

// locate fills in the addresses of the region, unless the user gave addresses that win. Both
// have to be given then: credentials for one platform must not go to another.
func (l *loader) locate() {
	s := &l.config.Source
	base, token, ok := genesys.Endpoints(s.Region)
	if s.Region != "" {
		if !ok {
			l.problem("source.region", "%q is no region; choose one of %s, or give the domain behind the api. of the platform's addresses, such as usw2.pure.cloud; "+
				"for any other host give source.base_url and source.token_url",
				s.Region, strings.Join(genesys.Regions(), ", "))
		}
		l.replaceEarlier("source.base_url", &s.BaseURL)
		l.replaceEarlier("source.token_url", &s.TokenURL)
	}
	switch {
	case s.BaseURL != "" && s.TokenURL == "":
		l.lacksHalf("source.token_url", "source.base_url")
	case s.BaseURL == "" && s.TokenURL != "":
		l.lacksHalf("source.base_url", "source.token_url")
	case s.BaseURL != "":
		l.address("source.base_url", s.BaseURL, false)
		l.address("source.token_url", s.TokenURL, false)
		s.BaseURL = strings.TrimRight(s.BaseURL, "/")
		if s.Region != "" && !(l.later("source.base_url", "source.region") && l.later("source.token_url", "source.region")) {
			l.warn("source.region", "has no effect beside source.base_url and source.token_url; keep the region or the addresses")
		}
	case s.Region == "":
		l.problem("source.region", "missing; choose one of %s or a domain of the platform, or give source.base_url and source.token_url", strings.Join(genesys.Regions(), ", "))
	case ok:
		s.BaseURL, s.TokenURL = base, token
	}
}

// replaceEarlier drops an address that stands in a layer before the region's.
func (l *loader) replaceEarlier(key string, address *string) {
	if l.later("source.region", key) {
		*address = ""
	}
}

// lacksHalf reports that one of the two addresses stands alone, perhaps because the region
// has replaced the other.
func (l *loader) lacksHalf(lacking, given string) {
	if l.layers[lacking] > 0 && l.later("source.region", lacking) {
		l.problem(lacking, "%s replaces it with a region, and %s is given and needs it; give both addresses in one place",
			l.place("source.region"), given)
		return
	}
	l.problem(lacking, "missing; %s is given and needs it", given)
}
