package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"convstream/testcontainers"
)

// The account that the proxy knows.
const (
	registryUser     = "publisher"
	registryPassword = "correct-horse-battery-staple"
)

// registryProxy stands before the registry as companies have it: it speaks TLS, with a certificate of the company's own
// CA, and asks for a password. It can go down and come back.
type registryProxy struct {
	*authority
	url    string
	server *httptest.Server
	gate   *gate
}

// Whether clients have to show a certificate of the CA.
const (
	noCertificate    = tls.NoClientCert
	wantsCertificate = tls.RequireAndVerifyClientCert
)

func newRegistryProxy(t *testing.T, env *testcontainers.Env, clients tls.ClientAuthType) *registryProxy {
	t.Helper()
	target, err := url.Parse(env.RegistryURL)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: target.Scheme, Host: target.Host})
		r.Out.Header.Del("Authorization")
	}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != registryUser || password != registryPassword {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			http.Error(w, "<html><h1>401 Authorization Required</h1></html>", http.StatusUnauthorized)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	p := &registryProxy{authority: newAuthority(t), server: server, gate: &gate{Listener: server.Listener}}
	server.Listener = p.gate
	server.TLS = &tls.Config{Certificates: []tls.Certificate{p.pair}, ClientAuth: clients, ClientCAs: p.pool}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that do not trust it
	server.StartTLS()
	t.Cleanup(server.Close)
	p.url = server.URL + target.Path
	return p
}

// env is how a program is told of the proxy, over what its configuration says of the registry; more settings come last.
func (p *registryProxy) env(more ...string) []string {
	return append([]string{"CONVSTREAM_REGISTRY_URL=" + p.url, "CONVSTREAM_REGISTRY_TLS_CA=" + p.ca}, more...)
}

// account is the user and a password for the environment.
func account(password string) []string {
	return []string{"CONVSTREAM_REGISTRY_USERNAME=" + registryUser, "CONVSTREAM_REGISTRY_PASSWORD=" + password}
}

// certificate is what a client has to show, for the environment. It is the proxy's own: that it is the CA's is what counts.
func (p *registryProxy) certificate() []string {
	return []string{"CONVSTREAM_REGISTRY_TLS_CERT=" + p.cert, "CONVSTREAM_REGISTRY_TLS_KEY=" + p.key}
}

// down breaks every connection off, and each new one as soon as it is made.
func (p *registryProxy) down() {
	p.gate.shut()
	p.server.CloseClientConnections()
}

func (p *registryProxy) up() { p.gate.open() }

// gate lets connections in or breaks them off, and counts those.
type gate struct {
	net.Listener

	mu      sync.Mutex
	closed  bool
	refused int
	waiting map[int]chan struct{} // by the count that ends the wait
}

func (g *gate) shut() { g.set(true) }
func (g *gate) open() { g.set(false) }

func (g *gate) set(closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = closed
}

// refusing returns a channel that is closed once so many connections have been broken off.
func (g *gate) refusing(n int) <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	reached := make(chan struct{})
	if g.waiting == nil {
		g.waiting = map[int]chan struct{}{}
	}
	g.waiting[n] = reached
	return reached
}

func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.refused
}

// Accept returns the next connection that the gate lets in.
func (g *gate) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil || !g.refuses() {
			return conn, err
		}
		_ = conn.Close() // that is all it is there for
	}
}

func (g *gate) refuses() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		return false
	}
	g.refused++
	if reached := g.waiting[g.refused]; reached != nil {
		close(reached)
	}
	return true
}

// authority is a CA, and a certificate of it for this machine.
type authority struct {
	ca, cert, key string // files
	pool          *x509.CertPool
	pair          tls.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "The company's CA"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "registry"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	dir := t.TempDir()
	file := func(name, kind string, raw []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	caKey, leafKey := newKey(t), newKey(t)
	a := &authority{pool: x509.NewCertPool()}
	a.ca = file("ca.pem", "CERTIFICATE", signed(t, ca, caKey, ca, caKey))
	a.cert = file("cert.pem", "CERTIFICATE", signed(t, leaf, leafKey, ca, caKey))
	raw, err := x509.MarshalPKCS8PrivateKey(leafKey)
	if err != nil {
		t.Fatal(err)
	}
	a.key = file("key.pem", "PRIVATE KEY", raw)
	if a.pair, err = tls.LoadX509KeyPair(a.cert, a.key); err != nil {
		t.Fatal(err)
	}
	root, err := os.ReadFile(a.ca)
	if err != nil || !a.pool.AppendCertsFromPEM(root) {
		t.Fatal("no CA in "+a.ca, err)
	}
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signed is a certificate of a day's length, signed by an issuer.
func signed(t *testing.T, subject *x509.Certificate, key *ecdsa.PrivateKey, issuer *x509.Certificate, by *ecdsa.PrivateKey) []byte {
	t.Helper()
	subject.NotBefore, subject.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	raw, err := x509.CreateCertificate(rand.Reader, subject, issuer, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
