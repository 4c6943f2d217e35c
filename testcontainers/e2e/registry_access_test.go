package e2e

import (
	"encoding/base64"
	"strings"
	"testing"

	"convstream/internal/simulator"
	"convstream/testcontainers/readers"
)

const registryRows = 5000

func TestRealARegistryBehindTLSAndAPasswordIsWrittenToAndReadFrom(t *testing.T) {
	env := withRegistry(t)
	proxy := newRegistryProxy(t, env, wantsCertificate)
	w := newWorld(t, env, newPlatform(t, registryRows, simulator.Faults{PageRows: 1000}))
	trusted := proxy.env(append(account(registryPassword), proxy.certificate()...)...)

	doctor := startIn(t, trusted, convstream, w.config, "doctor")
	doctor.wantExit(t, 0)
	if want := "subject " + w.topics.Rows + "-value is new"; !strings.Contains(doctor.stdout.String(), want) {
		t.Errorf("doctor does not say %q: %s", want, doctor.stdout.String())
	}
	w.backfillIn(t, trusted).wantExit(t, 0)
	w.wantTruth(t, registryRows)
	tail := startIn(t, trusted, convstream, w.config, "tail", "-n", "3")
	tail.wantExit(t, 0)
	if n := strings.Count(tail.stdout.String(), `"interaction_id":`); n != 3 {
		t.Errorf("tail prints %d rows, want 3: %s", n, tail.stdout.String())
	}
	if schema := newestContract(t, env, w.topics.Rows); schema == nil {
		t.Error("the registry behind the proxy has no contract")
	}
}

// Each ends before the platform is asked for anything, and nothing that it prints holds a password.
func TestRealARegistryThatIsNotToBeHadByTheConfigurationNamesTheSettingAndNoPassword(t *testing.T) {
	const wrong = "incorrect-donkey"
	env := withRegistry(t)
	proxy, demanding, stranger := newRegistryProxy(t, env, noCertificate), newRegistryProxy(t, env, wantsCertificate), newAuthority(t)
	w := newWorld(t, env, newPlatform(t, 1000, simulator.Faults{}))
	for name, c := range map[string]struct {
		env  []string
		code int
		want []string
	}{
		"wrong password": {proxy.env(account(wrong)...), 1, []string{w.topics.Rows + "-value", "401", "check registry.username and registry.password"}},
		"no account":     {proxy.env(), 1, []string{w.topics.Rows + "-value", "401", "check registry.username and registry.password"}},
		"no password":    {proxy.env("CONVSTREAM_REGISTRY_USERNAME=" + registryUser), 2, []string{"registry.password", "missing"}},
		"wrong CA": {proxy.env(append(account(registryPassword), "CONVSTREAM_REGISTRY_TLS_CA="+stranger.ca)...), 1,
			[]string{w.topics.Rows + "-value", "x509: ", "registry.tls.ca", "registry.url"}},
		"no CA": {append([]string{"CONVSTREAM_REGISTRY_URL=" + proxy.url}, account(registryPassword)...), 1,
			[]string{w.topics.Rows + "-value", "x509: ", "registry.tls.ca"}},
		"no certificate": {demanding.env(account(registryPassword)...), 1,
			[]string{w.topics.Rows + "-value", "tls: certificate required", "check registry.tls.cert and registry.tls.key"}},
		"a CA that is no file": {proxy.env("CONVSTREAM_REGISTRY_TLS_CA=" + w.dir + "/absent.pem"), 2, []string{"registry.tls", "absent.pem"}},
	} {
		t.Run(name, func(t *testing.T) {
			asked := len(w.platform.Stats().Jobs)
			run := w.backfillIn(t, c.env)
			run.wantExit(t, c.code)
			run.wantVerdict(t, c.want...)
			if jobs := len(w.platform.Stats().Jobs); jobs != asked {
				t.Errorf("the platform was asked for %d jobs", jobs-asked)
			}
			doctor := startIn(t, c.env, convstream, w.config, "doctor")
			doctor.wantExit(t, c.code)
			register := startIn(t, c.env, convstream, w.config, "schema register")
			register.wantExit(t, c.code)
			register.wantVerdict(t, c.want...)
			for _, want := range c.want {
				if said := doctor.stdout.String() + doctor.stderr.String(); !strings.Contains(said, want) {
					t.Errorf("doctor does not name %q: %s", want, said)
				}
			}
			for _, p := range []*process{run, doctor, register} {
				p.wantNoPassword(t, registryPassword, wrong)
			}
		})
	}
}

// A run asks the registry at its start, and never again: what happens to it later is nothing to the run. A start waits for a
// registry that is down, but not for ever; the one that waits in vain does so beside the others.
func TestRealARegistryThatGoesDownIsMissedAtAStartOnly(t *testing.T) {
	env := withRegistry(t)
	absent := newRegistryProxy(t, env, noCertificate)
	absent.down()
	deserted := newWorld(t, env, newPlatform(t, 1, simulator.Faults{}))
	forsaken := deserted.backfillIn(t, absent.env(account(registryPassword)...))

	// begun is a run in the middle of its rows, whose registry has gone down.
	begun := func(t *testing.T) (w *world, proxy *registryProxy, p *process, release func()) {
		proxy = newRegistryProxy(t, env, noCertificate)
		w = newWorld(t, env, newPlatform(t, registryRows, simulator.Faults{PageRows: 1000}))
		held, release := w.platform.holding(t, resultBytes(registryRows)/2)
		p = w.backfillIn(t, proxy.env(account(registryPassword)...))
		p.reach(t, held)
		proxy.down()
		return w, proxy, p, release
	}
	t.Run("a run goes on", func(t *testing.T) {
		w, proxy, p, release := begun(t)
		release()
		p.wantExit(t, 0)
		p.wantNoPassword(t, registryPassword)
		if n := proxy.gate.count(); n > 0 {
			t.Errorf("the registry was looked for %d times behind the start", n)
		}
		w.wantTruth(t, registryRows)
	})
	t.Run("a start waits", func(t *testing.T) {
		w, proxy, killed, release := begun(t)
		if err := killed.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-killed.ended
		release()
		submitted := len(w.platform.Stats().Jobs)
		refused := proxy.gate.refusing(4)
		p := w.backfillIn(t, proxy.env(account(registryPassword)...))
		p.reach(t, refused)
		if more := len(w.platform.Stats().Jobs) - submitted; more != 0 {
			t.Errorf("the run that waits for its registry has submitted %d jobs", more)
		}
		proxy.up()
		p.wantExit(t, 0)
		w.wantTruth(t, registryRows)
	})
	t.Run("not for ever", func(t *testing.T) {
		forsaken.wantExit(t, 1)
		forsaken.wantVerdict(t, deserted.topics.Rows+"-value", "no registry answers", "check registry.url, and that the registry is up")
		forsaken.wantNoPassword(t, registryPassword)
		if n := absent.gate.count(); n < 5 {
			t.Errorf("the registry was looked for %d times only", n)
		}
		if jobs := deserted.platform.Stats().Jobs; len(jobs) > 0 {
			t.Errorf("the platform was asked for %d jobs", len(jobs))
		}
	})
}

// backfillIn starts a backfill of the whole span in an environment.
func (w *world) backfillIn(t *testing.T, env []string) *process {
	t.Helper()
	return startIn(t, env, convstream, w.config, "backfill", w.interval("--json")...)
}

// wantTruth fails the test unless the topic has the platform's rows, once each, as a reader that shares no code sees them.
func (w *world) wantTruth(t *testing.T, rows int) {
	t.Helper()
	w.wantOnce(t, rows)
	want := map[string]seen{}
	for row := range w.platform.Truth(w.span) {
		want[row.InteractionID.String()] = truthOf(row)
	}
	w.wantRead(t, w.topics.Rows, "interaction_id", want, readers.JavaScript)
}

// wantNoPassword fails the test if what the process wrote holds one of the passwords, plain or as it goes over the wire.
func (p *process) wantNoPassword(t *testing.T, passwords ...string) {
	t.Helper()
	said := p.stdout.String() + p.stderr.String()
	for _, password := range passwords {
		for _, form := range []string{password, base64.StdEncoding.EncodeToString([]byte(registryUser + ":" + password))} {
			if strings.Contains(said, form) {
				t.Errorf("pid %d tells the password: %s", p.cmd.Process.Pid, said)
			}
		}
	}
}
