// quic-go as a peer of HTTP/3, led through its standard streams as ../../peers/aioquic_peer.py is:
//
//	quic-go-peer client
//	quic-go-peer server HOST PORT CERTIFICATE KEY
//	quic-go-peer raw-client
//	quic-go-peer raw-server HOST CERTIFICATE KEY OPTIONS
//
// QUIC and HTTP/3 are quic-go's. Of this version: a client takes an answer 1xx for the last one, and neither
// side has trailers.
package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"

	"github.com/quic-go/quic-go"
)

// Of what one side may have open on a connection; the window of a stream is where it begins, and grows.
var config = &quic.Config{
	MaxIncomingStreams:             128,
	InitialStreamReceiveWindow:     512 * 1024,
	MaxStreamReceiveWindow:         1024 * 1024,
	InitialConnectionReceiveWindow: 8 * 1024 * 1024,
	MaxConnectionReceiveWindow:     16 * 1024 * 1024,
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "client":
		runClient(newLeader())
		return nil
	case len(args) == 5 && args[0] == "server":
		return runServer(newLeader(), net.JoinHostPort(args[1], args[2]), args[3], args[4])
	case len(args) == 1 && args[0] == "raw-client":
		runRawClient(newLeader())
		return nil
	case len(args) == 5 && args[0] == "raw-server":
		return runRawServer(newLeader(), args[1:])
	}
	return fmt.Errorf("usage: quic-go-peer client | server HOST PORT CERTIFICATE KEY | raw-client | raw-server HOST CERTIFICATE KEY OPTIONS")
}

func tlsConfig(certificate, key string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}}, nil
}
