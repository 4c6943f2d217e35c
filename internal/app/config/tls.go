package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// Client reads the files and returns the TLS configuration of a client, nil where t is nil.
func (t *TLS) Client() (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("read ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read ca: %s holds no PEM certificate", t.CA)
		}
	}
	if t.Cert != "" || t.Key != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("read cert and key: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

func (l *loader) tls(key string, t *TLS) {
	if t != nil && (t.Cert == "") != (t.Key == "") {
		l.problem(key, "has one of cert and key; give both or none")
	} else if _, err := t.Client(); err != nil {
		l.problem(key, "%w; name readable PEM files", err)
	}
}
