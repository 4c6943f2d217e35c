//go:build race

package pipeline_test

// stride is wider under the race detector, where a run takes many times as long.
const stride = 13
