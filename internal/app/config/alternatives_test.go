package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	addressesInFile   = "base_url: https://api.mypurecloud.ie\n  token_url: https://login.mypurecloud.ie/oauth/token"
	addressesOfFile   = "https://api.mypurecloud.ie https://login.mypurecloud.ie/oauth/token"
	addressesOfRegion = "https://api.mypurecloud.com https://login.mypurecloud.com/oauth/token"
)

func TestRegionOfALaterLayerWinsOverAddresses(t *testing.T) {
	file := edit(t, "region: eu-central-1", addressesInFile)
	region := "CONVSTREAM_SOURCE_REGION=us-east-1"
	for name, c := range map[string]struct {
		environ []string
		overlay map[string]any
		want    string
	}{
		"variable over file":           {[]string{region}, nil, addressesOfRegion},
		"flag over file":               {nil, map[string]any{"source.region": "us-east-1"}, addressesOfRegion},
		"flag over file and variable":  {[]string{"CONVSTREAM_SOURCE_BASE_URL=https://a.example"}, map[string]any{"source.region": "us-east-1"}, addressesOfRegion},
		"variable over half an answer": {[]string{region, "CONVSTREAM_SOURCE_BASE_URL="}, nil, addressesOfRegion},
		"empty variable":               {[]string{"CONVSTREAM_SOURCE_REGION="}, nil, addressesOfFile},
	} {
		got, err := load(t, file, c.environ, c.overlay)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if addresses := got.Source.BaseURL + " " + got.Source.TokenURL; addresses != c.want || len(got.Warnings) > 0 {
			t.Errorf("%s: addresses %s, warnings %q, want %s and none", name, addresses, got.Warnings, c.want)
		}
	}
}

// One address of the region's platform and one of another: credentials would go astray.
func TestRegionBetweenTheTwoAddressesIsRefused(t *testing.T) {
	_, err := load(t, edit(t, "region: eu-central-1", addressesInFile),
		[]string{"CONVSTREAM_SOURCE_REGION=us-east-1", "CONVSTREAM_SOURCE_TOKEN_URL=https://login.example/oauth/token"}, nil)
	if err == nil {
		t.Fatal("it was accepted")
	}
	for _, want := range []string{".yaml:4: source.base_url:", "CONVSTREAM_SOURCE_REGION", "source.token_url", "in one place"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the message lacks %q:\n%v", want, err)
		}
	}
}

func TestRegionBesideAddressesIsWarnedOf(t *testing.T) {
	both := edit(t, "region: eu-central-1", "region: us-east-1\n  "+addressesInFile)
	c := mustLoad(t, both)
	if got := c.Source.BaseURL + " " + c.Source.TokenURL; got != addressesOfFile {
		t.Errorf("addresses %s, want %s", got, addressesOfFile)
	}
	if len(c.Warnings) != 1 {
		t.Fatalf("warnings %q, want one", c.Warnings)
	}
	for _, want := range []string{".yaml:4: source.region:", "source.base_url", "source.token_url"} {
		if !strings.Contains(c.Warnings[0], want) {
			t.Errorf("the warning lacks %q: %s", want, c.Warnings[0])
		}
	}
}

func TestOfASecretAndItsFileTheLaterLayerWins(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("from the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	signIn := func(password string) string {
		return edit(t, "kafka:\n", "kafka:\n  tls: {}\n  sasl: {mechanism: PLAIN, username: u, "+password+"}\n")
	}
	for _, c := range []struct {
		key            string
		asText, asFile string // configurations that give the secret so
		read           func(Config) (Secret, string)
	}{
		{
			"source.client_secret", minimal, edit(t, "client_secret: hunter2hunter2", "client_secret_file: /no/such/file"),
			func(c Config) (Secret, string) { return c.Source.ClientSecret, c.Source.ClientSecretFile },
		},
		{
			"kafka.sasl.password", signIn("password: hunter2"), signIn("password_file: /no/such/file"),
			func(c Config) (Secret, string) { return c.Kafka.SASL.Password, c.Kafka.SASL.PasswordFile },
		},
	} {
		asFile, asText := variable(c.key+"_file")+"="+path, variable(c.key)+"=later"
		if got, err := load(t, c.asText, []string{asFile}, nil); err != nil {
			t.Errorf("%s: a later file: %v", c.key, err)
		} else if secret, _ := c.read(got); secret.Reveal() != "from the file" {
			t.Errorf("%s: a later file gives %q", c.key, secret.Reveal())
		}
		if got, err := load(t, c.asFile, []string{asText}, nil); err != nil {
			t.Errorf("%s: a later secret: %v", c.key, err)
		} else if secret, file := c.read(got); secret.Reveal() != "later" || file != "" {
			t.Errorf("%s: a later secret gives %q beside the file %q", c.key, secret.Reveal(), file)
		}
		_, err := load(t, c.asText, []string{asText, asFile}, nil)
		if err == nil || !strings.Contains(err.Error(), c.key+": "+c.key+"_file is given too") {
			t.Errorf("%s: both in one layer give %v", c.key, err)
		}
	}
}

// A file is shared, and not every machine has what it refers to.
func TestAReferenceToNothingMattersOnlyWhereItsValueIsUsed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("from the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	secret := edit(t, "hunter2hunter2", "${NO_SUCH}")
	secretFile := edit(t, "client_secret: hunter2hunter2", "client_secret_file: ${NO_SUCH}")
	addresses := edit(t, "region: eu-central-1", "base_url: ${NO_SUCH}\n  token_url: ${NO_SUCH}")
	region := edit(t, "eu-central-1", "${NO_SUCH}")
	both := []string{"CONVSTREAM_SOURCE_BASE_URL=https://a.example", "CONVSTREAM_SOURCE_TOKEN_URL=https://b.example"}
	filter := filtered(t, ` [{path: direction, operator: eq, value: "${NO_SUCH}"}]`)
	for name, c := range map[string]struct {
		text    string
		environ []string
		overlay map[string]any
		problem string // beginning with its key, "" for none
	}{
		"a variable over it":               {secret, []string{"CONVSTREAM_SOURCE_CLIENT_SECRET=s"}, nil, ""},
		"a flag over it":                   {minimal + "window: {step: '${NO_SUCH}'}\n", nil, map[string]any{"window.step": "6h"}, ""},
		"a list over it":                   {filter, []string{"CONVSTREAM_SOURCE_FILTER=[]"}, nil, ""},
		"a secret file over it":            {secret, []string{"CONVSTREAM_SOURCE_CLIENT_SECRET_FILE=" + path}, nil, ""},
		"a secret over its file":           {secretFile, []string{"CONVSTREAM_SOURCE_CLIENT_SECRET=s"}, nil, ""},
		"a region over addresses":          {addresses, []string{"CONVSTREAM_SOURCE_REGION=us-east-1"}, nil, ""},
		"addresses over a region":          {region, both, nil, ""},
		"half an address over a region":    {region, both[:1], nil, "source.region: environment variable NO_SUCH"},
		"nothing over it":                  {secret, nil, nil, "source.client_secret: environment variable NO_SUCH"},
		"an empty file over a secret":      {secret, []string{"CONVSTREAM_SOURCE_CLIENT_SECRET_FILE="}, nil, "source.client_secret: environment variable NO_SUCH"},
		"another key over it":              {secret, []string{"CONVSTREAM_SOURCE_CLIENT_ID=x"}, nil, "source.client_secret: environment variable NO_SUCH"},
		"a wrong variable over it":         {minimal + "window: {step: '${NO_SUCH}'}\n", []string{"CONVSTREAM_WINDOW_STEP=1d"}, nil, `window.step: "1d"`},
		"a secret file in the same layer":  {strings.Replace(secret, "  client_secret:", "  client_secret_file: "+path+"\n  client_secret:", 1), nil, nil, "source.client_secret: environment variable NO_SUCH"},
		"a reference that is none over it": {secret, []string{"CONVSTREAM_SOURCE_CLIENT_SECRET=${NO_SUCH}"}, nil, ""},
	} {
		_, err := load(t, c.text, c.environ, c.overlay)
		switch {
		case c.problem == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.problem != "" && (err == nil || !strings.Contains(err.Error(), " "+c.problem)):
			t.Errorf("%s gives %v, want %s", name, err, c.problem)
		}
	}
}
