package genesys

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func newLoopback(t *testing.T, h http.HandlerFunc) (url string) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func TestR15R25R27R32_NewRefusesWhatCannotWork(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		want   []string // the error names them: field, value, way out
	}{
		"R25 wildcard":       {func(c *Config) { c.Select = append(c.Select, "attributes.custom.*") }, []string{"attributes.custom.*", "wildcard", "name each"}},
		"R27 whole object":   {func(c *Config) { c.Select = []string{"attributes.custom"} }, []string{`"attributes.custom"`, "whole object"}},
		"no columns":         {func(c *Config) { c.Select = nil }, []string{"select is empty"}},
		"R32 limit too low":  {func(c *Config) { c.Limit = 0 }, []string{"source.limit is 0", "10000000"}},
		"R32 limit too high": {func(c *Config) { c.Limit = 10_000_001 }, []string{"source.limit is 10000001", "10000000"}},
		"no page size":       {func(c *Config) { c.Dialect = "jobs" }, []string{"source.page_size is 0"}},
		"dialect":            {func(c *Config) { c.Dialect = "Reports" }, []string{`source.dialect is "Reports"`}},
		"no endpoint":        {func(c *Config) { c.BaseURL = "" }, []string{"source.base_url", "source.region"}},
		"R15 plain http": {func(c *Config) { c.BaseURL, c.TokenURL = "http://api.example", "http://10.0.0.1/token" },
			[]string{"source.base_url", "source.token_url", "https"}},
		"no secret":     {func(c *Config) { c.ClientSecret = "" }, []string{"source.client_secret"}},
		"no id":         {func(c *Config) { c.ClientID = "" }, []string{"source.client_id"}},
		"odd overlap":   {func(c *Config) { c.Overlap = time.Microsecond }, []string{"window.overlap is 1µs"}},
		"password":      {func(c *Config) { c.BaseURL, c.TokenURL = "https://u:"+secret+"@x", "https://x" }, []string{"source.base_url"}},
		"several wrong": {func(c *Config) { c.Limit, c.ClientID = 0, "" }, []string{"source.limit", "source.client_id"}},
	} {
		t.Run(name, func(t *testing.T) {
			config := guideConfig()
			c.change(&config)
			_, err := New(config)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%q holds the secret", err)
			}
		})
	}
}

func TestR15_PlainHTTPIsForLoopbackHosts(t *testing.T) {
	for _, host := range []string{"localhost:1", "127.0.0.1", "127.9.9.9:8099", "[::1]:80"} {
		c := guideConfig()
		c.BaseURL, c.TokenURL = "http://"+host, "http://"+host+"/oauth/token"
		if _, err := New(c); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestR32R33_LimitMayBeAnythingUpToTheCap(t *testing.T) {
	for _, limit := range []int{1, 500_000, 2_000_000, 10_000_000} {
		c := guideConfig()
		c.Limit = limit
		if _, err := New(c); err != nil {
			t.Errorf("%d: %v", limit, err)
		}
	}
}

func TestRegionsAreTheEighteenOfThePlatform(t *testing.T) {
	if n := len(Regions()); n != 18 {
		t.Errorf("%d regions", n)
	}
	base, token, ok := Endpoints("us-east-1")
	if base != "https://api.mypurecloud.com" || token != "https://login.mypurecloud.com/oauth/token" || !ok {
		t.Errorf("%s, %s, %v", base, token, ok)
	}
}

// Regions come faster than releases of convstream; but credentials go to the platform alone.
func TestR15_ARegionMayBeADomainOfThePlatform(t *testing.T) {
	for _, domain := range domains {
		base, token, ok := Endpoints(domain)
		if base != "https://api."+domain || token != "https://login."+domain+"/oauth/token" || !ok {
			t.Errorf("%s: %s, %s, %v", domain, base, token, ok)
		}
	}
	if base, _, ok := Endpoints("NEW1.pure.cloud"); base != "https://api.new1.pure.cloud" || !ok {
		t.Errorf("a new domain is %s, %v", base, ok)
	}
	for _, region := range []string{
		"", "mars-1", "EU-CENTRAL-1", "pure.cloud.example.org", "example.org", "usw2.pure.cloud.evil.example", "evil-pure.cloud.example",
		"api.mypurecloud.de", "https://usw2.pure.cloud", "usw2.pure.cloud/", "usw2.pure.cloud:443", "user@usw2.pure.cloud", "login.usw2.pure.cloud",
		"impure.cloud", "mypurecloud.evil", "xmypurecloud.de", "usw2.pure.cloud\n",
		// Domains that anybody may register.
		"evil-pure.cloud", "usw2.my-pure.cloud", "usw2.evil-us-gov-pure.cloud", "xpure.cloud", "us-gov-evil-pure.cloud", "x.eusc-us-gov-pure.cloud",
		"mypurecloud.xyz", "mypurecloud.co", "mypurecloud.com.br", "mypurecloudxde", "usw2xpure.cloud", "usw2.purexcloud", "usw2.pure.cloud.au",
		"pure.cloud", "us-gov-pure.cloud", // no region has no name
	} {
		if base, _, ok := Endpoints(region); ok {
			t.Errorf("%q is a region at %s", region, base)
		}
	}
}
