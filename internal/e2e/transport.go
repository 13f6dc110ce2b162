package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Requests are how many requests of each kind were made, as "POST pods" or "PUT daemonsets/status".
type Requests map[string]int

// Writes counts all writes except those of events.
func (r Requests) Writes() int {
	n := 0
	for what, times := range r {
		if !strings.HasPrefix(what, "GET ") && !strings.HasSuffix(what, " events") {
			n += times
		}
	}
	return n
}

// Counter counts the requests that go through it.
type Counter struct {
	mu       sync.Mutex
	requests Requests
}

// Wrap is for rest.Config.
func (c *Counter) Wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		c.mu.Lock()
		if c.requests == nil {
			c.requests = Requests{}
		}
		c.requests[r.Method+" "+resourceOf(r)]++
		c.mu.Unlock()
		return next.RoundTrip(r)
	})
}

// Requests are those so far.
func (c *Counter) Requests() Requests {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.requests)
}

// Faults stand between a controller and its API server.
type Faults struct {
	// Rate is the share of writes that fail, each in one of the ways of Fault.
	Rate float64
	// Lag is the longest time for which news are held back, on each watch by itself.
	Lag time.Duration

	// kinds are those to choose from.
	kinds []Fault

	mu   sync.Mutex
	rand *rand.Rand
	hit  map[Fault]int
	lags int
}

// Fault is a way in which a write fails.
type Fault int

const (
	// Conflict is the answer to a write that is based on an older object.
	Conflict Fault = iota + 1
	// Quota is the answer to a creation beyond a quota.
	Quota
	// Webhook is the answer if an admission webhook refuses.
	Webhook
	// Overload asks to come again later. Client-go does so by itself.
	Overload
	// TimeoutBefore loses the request.
	TimeoutBefore
	// TimeoutAfter loses the answer: the write has taken effect.
	TimeoutAfter
)

// faults are all.
var faults = []Fault{Conflict, Quota, Webhook, Overload, TimeoutBefore, TimeoutAfter}

func (f Fault) String() string {
	switch f {
	case Conflict:
		return "conflict"
	case Quota:
		return "quota"
	case Webhook:
		return "refusal by a webhook"
	case Overload:
		return "too many requests"
	case TimeoutBefore:
		return "timeout before the write"
	case TimeoutAfter:
		return "timeout after the write"
	}
	return "unknown"
}

// NewFaults returns faults that come in the order of a seed.
func NewFaults(seed uint64) *Faults {
	return &Faults{kinds: faults, rand: rand.New(rand.NewPCG(seed, 0)), hit: map[Fault]int{}}
}

// Hits counts the writes that failed, by fault, and the news that were held back.
func (f *Faults) Hits() (writes map[Fault]int, news int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.hit), f.lags
}

// Wrap is for rest.Config.
func (f *Faults) Wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodGet {
			response, err := next.RoundTrip(r)
			if err == nil && f.Lag > 0 && r.URL.Query().Get("watch") != "" {
				response.Body = f.lagging(response.Body)
			}
			return response, err
		}
		if resourceOf(r) == "events" {
			return next.RoundTrip(r)
		}
		switch fault := f.next(); fault {
		case 0:
			return next.RoundTrip(r)
		case TimeoutBefore:
			return nil, errTimeout
		case TimeoutAfter:
			if response, err := next.RoundTrip(r); err == nil {
				_ = response.Body.Close()
			}
			return nil, errTimeout
		default:
			return fault.response(r), nil
		}
	})
}

// errTimeout is a broken connection, of which nobody knows what the server has done.
var errTimeout = errors.New("the connection was lost")

// next draws the fault of a write, zero is none.
func (f *Faults) next() Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rand.Float64() >= f.Rate {
		return 0
	}
	fault := f.kinds[f.rand.IntN(len(f.kinds))]
	f.hit[fault]++
	return fault
}

func (f *Faults) lag() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lags++
	return time.Duration(f.rand.Int64N(int64(f.Lag)))
}

// response is how an API server says it.
func (f Fault) response(r *http.Request) *http.Response {
	status := metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure}
	header := http.Header{"Content-Type": {"application/json"}}
	switch f {
	case Conflict:
		status.Code, status.Reason = http.StatusConflict, metav1.StatusReasonConflict
		status.Message = "the object has been modified"
	case Quota:
		status.Code, status.Reason = http.StatusForbidden, metav1.StatusReasonForbidden
		status.Message = "exceeded quota: test"
	case Webhook:
		status.Code, status.Reason = http.StatusBadRequest, metav1.StatusReasonBadRequest
		status.Message = `admission webhook "test" denied the request`
	case Overload:
		status.Code, status.Reason = http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests
		status.Details = &metav1.StatusDetails{RetryAfterSeconds: 1}
		header.Set("Retry-After", "1")
	}
	body, _ := json.Marshal(status)
	return &http.Response{
		StatusCode: int(status.Code), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}
}

// lagging holds back what a watch reads: every piece comes late, but no later than in its order,
// and the pieces behind it are on their way meanwhile.
type lagging struct {
	io.ReadCloser
	pieces chan piece
	rest   []byte
	closed chan struct{}
	once   sync.Once
}

type piece struct {
	data []byte
	due  time.Time
	err  error
}

func (f *Faults) lagging(body io.ReadCloser) *lagging {
	l := &lagging{ReadCloser: body, pieces: make(chan piece, 10000), closed: make(chan struct{})}
	go func() {
		for {
			buffer := make([]byte, 4096)
			n, err := body.Read(buffer)
			select {
			case l.pieces <- piece{buffer[:n], time.Now().Add(f.lag()), err}:
			case <-l.closed:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return l
}

func (l *lagging) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		select {
		case next := <-l.pieces:
			time.Sleep(time.Until(next.due))
			if next.err != nil && len(next.data) == 0 {
				return 0, next.err
			}
			l.rest = next.data
		case <-l.closed:
			return 0, io.EOF
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

func (l *lagging) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.ReadCloser.Close()
}

// resourceOf is the resource that a request is about, with its subresource.
func resourceOf(r *http.Request) string {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if parts[0] == "api" {
		parts = parts[min(2, len(parts)):]
	} else {
		parts = parts[min(3, len(parts)):]
	}
	if len(parts) > 2 && parts[0] == "namespaces" {
		parts = parts[2:]
	}
	switch len(parts) {
	case 0:
		return "discovery"
	case 1, 2:
		return parts[0]
	}
	return parts[0] + "/" + parts[2]
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
