package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// issue writes a self-signed certificate for 127.0.0.1 and its key to PEM files.
func issue(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:         true, BasicConstraintsValid: true,
	}
	certDER, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return writePEM(t, "CERTIFICATE", certDER), writePEM(t, "PRIVATE KEY", keyDER)
}

func writePEM(t *testing.T, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTLSVerifiesTheServerAndShowsTheClientCertificate(t *testing.T) {
	serverCert, serverKey := issue(t)
	clientCert, clientKey := issue(t)
	strangerCert, strangerKey := issue(t)

	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	pair, err := tls.LoadX509KeyPair(serverCert, serverKey)
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := (&TLS{CA: clientCert}).Client()
	if err != nil {
		t.Fatal(err)
	}
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{pair},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    trusted.RootCAs,
	}
	server.StartTLS()
	defer server.Close()

	for _, c := range []struct {
		name string
		tls  TLS
		ok   bool
	}{
		{"its roots and its certificate", TLS{CA: serverCert, Cert: clientCert, Key: clientKey}, true},
		{"the system's roots", TLS{Cert: clientCert, Key: clientKey}, false},
		{"another root", TLS{CA: strangerCert, Cert: clientCert, Key: clientKey}, false},
		{"no certificate", TLS{CA: serverCert}, false},
		{"another certificate", TLS{CA: serverCert, Cert: strangerCert, Key: strangerKey}, false},
	} {
		config, err := c.tls.Client()
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
		resp, err := client.Get(server.URL)
		if err == nil {
			resp.Body.Close()
		}
		if (err == nil) != c.ok {
			t.Errorf("with %s: %v", c.name, err)
		}
	}
}

func TestTLSFilesThatAreNoneAreNamed(t *testing.T) {
	cert, key := issue(t)
	for want, c := range map[string]TLS{
		key:              {CA: key},
		"/no/such/ca":    {CA: "/no/such/ca"},
		"/no/such/key":   {Cert: cert, Key: "/no/such/key"},
		"certificate":    {Cert: key, Key: key},
		"cert and key: ": {Cert: cert},
	} {
		if _, err := c.Client(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v gives %v; want an error with %q", c, err, want)
		}
	}
}
