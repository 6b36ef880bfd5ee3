// Package metrics serves the counts of a run to Prometheus, and says whether it is ready.
package metrics

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// MaxValues bounds the values of a label that senders choose; Other stands for the rest.
const (
	MaxValues = 1000
	Other     = "other"
)

// prefix begins the names of all metrics.
const prefix = "enswitch_events_"

// Desc describes the metric of that name, which may have one label.
func Desc(name, help string, label ...string) *prometheus.Desc {
	return prometheus.NewDesc(prefix+name, help, label, nil)
}

// Counter and Gauge send a value of a metric.
func Counter(ch chan<- prometheus.Metric, d *prometheus.Desc, value float64, label ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, label...)
}

// Gauge sends a value of a metric that also falls.
func Gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, value float64, label ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, label...)
}

// NewHistogram returns a histogram of seconds by one label.
func NewHistogram(name, help, label string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: prefix + name, Help: help, Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	}, []string{label})
}

// Serve serves /metrics, /healthz and /readyz on a port until ctx is done. Ready reports
// whether /readyz is 200; otherwise it is 503.
func Serve(ctx context.Context, port net.Listener, ready func() bool, of ...prometheus.Collector) {
	registry := prometheus.NewRegistry()
	for _, c := range of {
		registry.MustRegister(c)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !ready() {
			answer(w, http.StatusServiceUnavailable, "not ready: no source is connected\n")
			return
		}
		answer(w, http.StatusOK, "ready\n")
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	_ = server.Serve(port) // until it is closed
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}
