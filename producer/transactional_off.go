//go:build negativecontrol

package producer

const transactional = false
