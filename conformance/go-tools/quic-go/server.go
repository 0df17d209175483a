package main

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 9220 section 5).
const enableConnect = 0x8

// A reset takes with it what has not been sent yet: this is for what was written before it.
const beforeReset = 100 * time.Millisecond

type serverStream struct {
	*stream
	response http.ResponseWriter
	quic     http3.Stream
	// The answer has ended, by a reset or in order.
	over chan struct{}
	once sync.Once
}

type server struct {
	leader *leader

	mutex       sync.Mutex
	last        uint32
	connections map[quic.Connection]uint32
	byID        map[uint32]quic.Connection
	streams     map[uint32]*serverStream
}

func runServer(l *leader, address, certificate, key string) error {
	s := &server{
		leader:      l,
		connections: map[quic.Connection]uint32{},
		byID:        map[uint32]quic.Connection{},
		streams:     map[uint32]*serverStream{},
	}
	secure, err := tlsConfig(certificate, key)
	if err != nil {
		return err
	}
	listener, err := quic.ListenAddrEarly(address, http3.ConfigureTLSConfig(secure), config)
	if err != nil {
		return err
	}
	http := &http3.Server{Handler: s, AdditionalSettings: map[uint64]uint64{enableConnect: 1}}
	go http.ServeListener(listener)
	l.tellJSON('c', 0, map[string]bool{"connect": true})
	readCommands(s.command)
	return nil
}

func (s *server) nextID() uint32 {
	s.last++
	return s.last
}

func (s *server) connectionID(connection quic.Connection) uint32 {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if id, known := s.connections[connection]; known {
		return id
	}
	id := s.nextID()
	s.connections[connection] = id
	s.byID[id] = connection
	s.leader.tellJSON('c', id, map[string]bool{"connect": true})
	go func() {
		<-connection.Context().Done()
		s.leader.tellClosed(id, "")
	}()
	return id
}

func (s *server) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	connection := s.connectionID(w.(http3.Hijacker).StreamCreator().(quic.Connection))
	through := request.Body.(http3.HTTPStreamer).HTTPStream()
	s.mutex.Lock()
	id := s.nextID()
	each := &serverStream{stream: newStream(id, s.leader), response: w, quic: through, over: make(chan struct{})}
	s.streams[id] = each
	s.mutex.Unlock()
	s.leader.tellJSON('o', id, message{Connection: connection, Headers: pairsOf(request)})
	go each.readAll(request.Body)
	go each.watch()
	<-each.over
}

func pairsOf(request *http.Request) [][2]string {
	pairs := [][2]string{{":method", request.Method}, {":authority", request.Host}, {":path", request.URL.RequestURI()}}
	if request.Method == http.MethodConnect {
		pairs = append(pairs, [2]string{":protocol", request.Proto})
	}
	if request.ContentLength > 0 {
		pairs = append(pairs, [2]string{"content-length", strconv.FormatInt(request.ContentLength, 10)})
	}
	for name, values := range request.Header {
		for _, value := range values {
			pairs = append(pairs, [2]string{strings.ToLower(name), value})
		}
	}
	return pairs
}

func (s *server) command(kind byte, id uint32, payload []byte) {
	s.mutex.Lock()
	connection, each := s.byID[id], s.streams[id]
	s.mutex.Unlock()
	switch {
	case kind == 'X' && connection != nil:
		go func() {
			time.Sleep(beforeReset)
			connection.CloseWithError(noError, "")
		}()
	case each != nil:
		each.command(kind, payload)
	}
}

func (s *serverStream) command(kind byte, payload []byte) {
	switch kind {
	case 'H':
		s.head(messageOf(payload))
	case 'D':
		s.put(payload)
	case 'E':
		s.end()
	case 'R':
		s.breakOff()
		go func() {
			time.Sleep(beforeReset)
			s.quic.CancelWrite(quic.StreamErrorCode(codeOf(payload)))
			s.close()
		}()
	case 'S':
		s.quic.CancelRead(quic.StreamErrorCode(codeOf(payload)))
	case 'P', 'G':
		s.hold(kind == 'P')
	}
}

// 1xx, or that of the answer: what is put goes behind it.
func (s *serverStream) head(m message) {
	status, _ := strconv.Atoi(m.field(":status"))
	header := s.response.Header()
	for _, pair := range m.Headers[1:] {
		header.Add(pair[0], pair[1])
	}
	s.response.WriteHeader(status)
	if status < 200 {
		for name := range header {
			delete(header, name)
		}
		return
	}
	s.response.(http.Flusher).Flush()
	go func() {
		if s.writeAll(s.write) {
			s.quic.Close()
			s.close()
		}
	}()
}

func (s *serverStream) write(data []byte) error {
	if _, err := s.response.Write(data); err != nil {
		return err
	}
	s.response.(http.Flusher).Flush()
	return nil
}

func (s *serverStream) close() {
	s.once.Do(func() { close(s.over) })
}

// Tells when the client does not want the answer, for which nothing needs to be written.
func (s *serverStream) watch() {
	<-s.quic.Context().Done()
	select {
	case <-s.over:
	default:
		_, err := s.quic.Write([]byte{0})
		s.tellStopped(err)
		s.breakOff()
		s.close()
	}
}
