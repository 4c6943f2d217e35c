//go:build !race

package pipeline_test

// stride is the distance between two cuts of a sweep.
const stride = 1
