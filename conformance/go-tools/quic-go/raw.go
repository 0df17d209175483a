package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/quic-go/quic-go"
)

// Raw QUIC: streams of both kinds, from both sides, and datagrams, led as ../../peers/aioquic_raw.py is.

// The leader numbers what it opens from 1, what comes is numbered from here on.
const firstOwnID = 1 << 31

// Datagrams that wait to be sent; the leader sends fewer at once.
const maxWaitingDatagrams = 1024

type rawConnection struct {
	quic      quic.Connection
	datagrams chan []byte
}

type rawPeer struct {
	leader *leader

	mutex       sync.Mutex
	last        uint32
	connections map[uint32]*rawConnection
	streams     map[uint32]*rawStream
}

func newRawPeer(l *leader) *rawPeer {
	return &rawPeer{
		leader:      l,
		last:        firstOwnID - 1,
		connections: map[uint32]*rawConnection{},
		streams:     map[uint32]*rawStream{},
	}
}

type listenOptions struct {
	Port   int    `json:"port"`
	Window uint64 `json:"window"`
	Hold   bool   `json:"hold"`
}

type rawOptions struct {
	ALPN   []string        `json:"alpn"`
	Listen []listenOptions `json:"listen"`
}

func rawConfig() *quic.Config {
	raw := config.Clone()
	raw.EnableDatagrams = true
	return raw
}

func runRawClient(l *leader) {
	readCommands(newRawPeer(l).command)
}

func runRawServer(l *leader, args []string) error {
	var options rawOptions
	if err := json.Unmarshal([]byte(args[3]), &options); err != nil {
		return err
	}
	secure, err := tlsConfig(args[1], args[2])
	if err != nil {
		return err
	}
	secure.NextProtos = options.ALPN
	p := newRawPeer(l)
	for _, each := range options.Listen {
		raw := rawConfig()
		raw.InitialStreamReceiveWindow = each.Window
		listener, err := quic.ListenAddr(fmt.Sprintf("%s:%d", args[0], each.Port), secure, raw)
		if err != nil {
			return err
		}
		go p.accept(listener, each)
	}
	l.tell('l', 0, nil)
	readCommands(p.command)
	return nil
}

func (p *rawPeer) accept(listener *quic.Listener, options listenOptions) {
	for {
		connection, err := listener.Accept(context.Background())
		if err != nil {
			return
		}
		go p.serve(p.nextID(), connection, options)
	}
}

func (p *rawPeer) nextID() uint32 {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.last++
	return p.last
}

func (p *rawPeer) command(kind byte, id uint32, payload []byte) {
	p.mutex.Lock()
	connection, each := p.connections[id], p.streams[id]
	p.mutex.Unlock()
	switch {
	case kind == 'C':
		go p.connect(id, payload)
	case kind == 'O':
		p.open(id, payload)
	case kind == 'M' && connection != nil:
		connection.datagrams <- payload
	case kind == 'X' && connection != nil:
		var ask struct {
			Code   quic.ApplicationErrorCode `json:"code"`
			Reason string                    `json:"reason"`
		}
		json.Unmarshal(payload, &ask)
		connection.quic.CloseWithError(ask.Code, ask.Reason)
	case each != nil:
		each.command(kind, payload)
	default:
		fmt.Fprintf(os.Stderr, "%c %d: unknown\n", kind, id)
	}
}

func (p *rawPeer) connect(id uint32, payload []byte) {
	var ask struct {
		Host string   `json:"host"`
		Port int      `json:"port"`
		Name string   `json:"name"`
		ALPN []string `json:"alpn"`
	}
	if err := json.Unmarshal(payload, &ask); err != nil {
		panic(err)
	}
	secure := &tls.Config{InsecureSkipVerify: true, ServerName: ask.Name, NextProtos: ask.ALPN}
	connection, err := quic.DialAddr(context.Background(), fmt.Sprintf("%s:%d", ask.Host, ask.Port), secure, rawConfig())
	if err != nil {
		p.tellEnd(id, err)
		return
	}
	p.serve(id, connection, listenOptions{})
}

// Tells of all that comes on a connection, until it ends.
func (p *rawPeer) serve(id uint32, connection quic.Connection, options listenOptions) {
	each := &rawConnection{quic: connection, datagrams: make(chan []byte, maxWaitingDatagrams)}
	p.mutex.Lock()
	p.connections[id] = each
	p.mutex.Unlock()
	alpn := connection.ConnectionState().TLS.NegotiatedProtocol
	p.leader.tellJSON('c', id, map[string]any{"alpn": alpn, "port": options.Port})
	go each.sendDatagrams()
	go p.readDatagrams(id, connection)
	go p.acceptUnidirectional(id, connection, options.Hold)
	for {
		s, err := connection.AcceptStream(context.Background())
		if err != nil {
			p.tellEnd(id, err)
			return
		}
		p.accepted(id, uint64(s.StreamID()), &rawStream{receive: s, send: s}, options.Hold)
	}
}

func (p *rawPeer) acceptUnidirectional(id uint32, connection quic.Connection, hold bool) {
	for {
		s, err := connection.AcceptUniStream(context.Background())
		if err != nil {
			return
		}
		p.accepted(id, uint64(s.StreamID()), &rawStream{receive: s}, hold)
	}
}

func (p *rawPeer) accepted(connection uint32, streamID uint64, s *rawStream, hold bool) {
	id := p.nextID()
	s.stream = newStream(id, p.leader)
	s.hold(hold)
	p.leader.tellJSON('o', id, map[string]any{"connection": connection, "id": streamID})
	p.begin(id, s)
}

func (p *rawPeer) begin(id uint32, s *rawStream) {
	p.mutex.Lock()
	p.streams[id] = s
	p.mutex.Unlock()
	s.begin()
}

func (p *rawPeer) open(id uint32, payload []byte) {
	var ask struct {
		Connection    uint32 `json:"connection"`
		Bidirectional bool   `json:"bidirectional"`
	}
	json.Unmarshal(payload, &ask)
	p.mutex.Lock()
	connection := p.connections[ask.Connection]
	p.mutex.Unlock()
	s := &rawStream{stream: newStream(id, p.leader)}
	var err error
	if ask.Bidirectional {
		var both quic.Stream
		both, err = connection.quic.OpenStream()
		s.receive, s.send = both, both
	} else {
		s.send, err = connection.quic.OpenUniStream()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		p.leader.tellJSON('r', id, -1)
		return
	}
	p.leader.tellJSON('i', id, s.send.StreamID())
	p.begin(id, s)
}

func (p *rawPeer) tellEnd(id uint32, err error) {
	end := map[string]any{"application": false, "code": -1, "reason": err.Error()}
	var application *quic.ApplicationError
	var transport *quic.TransportError
	if errors.As(err, &application) {
		end = map[string]any{"application": true, "code": application.ErrorCode, "reason": application.ErrorMessage}
	} else if errors.As(err, &transport) {
		end = map[string]any{"application": false, "code": transport.ErrorCode, "reason": transport.ErrorMessage}
	}
	p.leader.tellJSON('x', id, end)
}

func (p *rawPeer) readDatagrams(id uint32, connection quic.Connection) {
	for {
		data, err := connection.ReceiveMessage()
		if err != nil {
			return
		}
		p.leader.tell('m', id, data)
	}
}

func (c *rawConnection) sendDatagrams() {
	for {
		select {
		case data := <-c.datagrams:
			if err := c.quic.SendMessage(data); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		case <-c.quic.Context().Done():
			return
		}
	}
}
