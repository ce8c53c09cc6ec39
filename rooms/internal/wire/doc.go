// Package wire holds what messages between servers have in common, whatever
// brings them: packets, targets and answers in MessagePack and in JSON.
package wire
