//go:build !negativecontrol

package producer

// transactional is false only in the negative control, a build that shows that the tests
// which find no doubles would find them.
const transactional = true
