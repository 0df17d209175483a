package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

const noError = 0x100

type clientConnection struct {
	quic      quic.EarlyConnection
	transport *http3.RoundTripper
}

type clientStream struct {
	*stream
	cancel context.CancelFunc
}

type client struct {
	leader *leader

	mutex       sync.Mutex
	connections map[uint32]*clientConnection
	streams     map[uint32]*clientStream
}

func runClient(l *leader) {
	c := &client{leader: l, connections: map[uint32]*clientConnection{}, streams: map[uint32]*clientStream{}}
	readCommands(c.command)
}

func (c *client) command(kind byte, id uint32, payload []byte) {
	switch kind {
	case 'C':
		go c.connect(id, payload)
	case 'X':
		if connection := c.connection(id); connection != nil {
			connection.quic.CloseWithError(noError, "")
		}
	case 'O':
		c.open(id, messageOf(payload))
	default:
		if s := c.stream(id); s != nil {
			s.command(kind, payload)
		}
	}
}

func (s *clientStream) command(kind byte, payload []byte) {
	switch kind {
	case 'D':
		s.put(payload)
	case 'E':
		s.end()
	case 'R':
		s.breakOff()
		s.cancel()
	case 'P', 'G':
		s.hold(kind == 'P')
	}
}

func (c *client) connection(id uint32) *clientConnection {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.connections[id]
}

func (c *client) stream(id uint32) *clientStream {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.streams[id]
}

func (c *client) connect(id uint32, payload []byte) {
	var ask struct {
		Host string `json:"host"`
		Port int    `json:"port"`
		Name string `json:"name"`
	}
	if err := json.Unmarshal(payload, &ask); err != nil {
		panic(err)
	}
	secure := &tls.Config{InsecureSkipVerify: true, ServerName: ask.Name, NextProtos: []string{http3.NextProtoH3}}
	address := fmt.Sprintf("%s:%d", ask.Host, ask.Port)
	connection, err := quic.DialAddrEarly(context.Background(), address, secure, config)
	if err == nil {
		<-connection.HandshakeComplete()
		err = connection.Context().Err()
	}
	if err != nil {
		c.leader.tellClosed(id, err.Error())
		return
	}
	var dialled atomic.Bool
	dial := func(ctx context.Context, _ string, _ *tls.Config, _ *quic.Config) (quic.EarlyConnection, error) {
		if dialled.CompareAndSwap(false, true) {
			return connection, nil
		}
		// It uses no connection again on which a request has failed.
		return quic.DialAddrEarly(ctx, address, secure, config)
	}
	c.mutex.Lock()
	transport := &http3.RoundTripper{Dial: dial, TLSClientConfig: secure, DisableCompression: true}
	c.connections[id] = &clientConnection{quic: connection, transport: transport}
	c.mutex.Unlock()
	// It keeps the settings of the other side to itself.
	c.leader.tellJSON('c', id, map[string]bool{"connect": true})
	<-connection.Context().Done()
	c.leader.tellClosed(id, "")
}

func (c *client) open(id uint32, m message) {
	connection := c.connection(m.Connection)
	if connection == nil {
		c.leader.tellJSON('r', id, -1)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &clientStream{stream: newStream(id, c.leader), cancel: cancel}
	c.mutex.Lock()
	c.streams[id] = s
	c.mutex.Unlock()
	request := requestOf(m).WithContext(ctx)
	if request.Method == http.MethodConnect {
		go s.tunnel(connection, request)
		return
	}
	if !m.End {
		request.Body = &requestBody{stream: s.stream}
	}
	go s.exchange(connection, request)
}

func requestOf(m message) *http.Request {
	host := m.field(":authority")
	target, err := url.ParseRequestURI(m.field(":path"))
	if err != nil {
		panic(err)
	}
	target.Scheme, target.Host = "https", host
	request := &http.Request{Method: m.field(":method"), URL: target, Host: host, Header: http.Header{}, ContentLength: -1}
	for _, pair := range m.Headers {
		if pair[0] == "content-length" {
			request.ContentLength, _ = strconv.ParseInt(pair[1], 10, 64)
		} else if !strings.HasPrefix(pair[0], ":") {
			request.Header.Add(pair[0], pair[1])
		}
	}
	request.Proto = m.field(":protocol")
	return request
}

func (s *clientStream) exchange(connection *clientConnection, request *http.Request) {
	response, err := connection.transport.RoundTrip(request)
	if err != nil {
		s.tellReset(err)
		return
	}
	s.tellHead(response)
	s.readAll(response.Body)
	// What it reads no more of, it has not done with.
	s.breakOff()
}

// An extended CONNECT: the stream is ours as soon as it is agreed to.
func (s *clientStream) tunnel(connection *clientConnection, request *http.Request) {
	response, err := connection.transport.RoundTripOpt(request, http3.RoundTripOpt{DontCloseRequestStream: true})
	if err != nil {
		s.tellReset(err)
		return
	}
	s.tellHead(response)
	through := response.Body.(http3.HTTPStreamer).HTTPStream()
	s.cancel = func() {
		through.CancelRead(quic.StreamErrorCode(http3.ErrCodeRequestCanceled))
		through.CancelWrite(quic.StreamErrorCode(http3.ErrCodeRequestCanceled))
	}
	go s.readAll(response.Body)
	if s.writeAll(func(data []byte) error { _, err := through.Write(data); return err }) {
		through.Close()
	}
}

func (s *clientStream) tellHead(response *http.Response) {
	pairs := [][2]string{{":status", strconv.Itoa(response.StatusCode)}}
	for name, values := range response.Header {
		for _, value := range values {
			pairs = append(pairs, [2]string{strings.ToLower(name), value})
		}
	}
	s.leader.tellJSON('h', s.id, message{Headers: pairs})
}

// The body of a request, read by quic-go: when it comes for more, it has sent what it took.
type requestBody struct {
	stream *stream
	rest   []byte
	taken  int
}

func (b *requestBody) Read(into []byte) (int, error) {
	if len(b.rest) == 0 {
		if b.taken > 0 {
			b.stream.leader.tellJSON('w', b.stream.id, b.taken)
		}
		data, more := b.stream.next()
		b.rest, b.taken = data, len(data)
		if !more {
			if b.stream.isBroken() {
				return 0, context.Canceled
			}
			return 0, io.EOF
		}
	}
	n := copy(into, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// Called when nothing more is sent, as the other side stops it, for example.
func (b *requestBody) Close() error {
	return nil
}
