package forward

import "time"

// MaxBatch is the largest Options.Batch.
const MaxBatch = maxUnnoted / 2

// Options are the settings of a Forwarder. The zero value of each field but Target and
// Name is its default.
type Options struct {
	// Target is where the events go. The Forwarder closes it.
	Target Target
	// Name names the target in the status and in dead letters, without secrets.
	Name string
	// Spec is kept with the queue and returned by Inspect: what tells the caller how to
	// deliver to the target again. It holds no secrets.
	Spec string
	// Batch is how many items are delivered together, at most MaxBatch. The default is 1.
	Batch int
	// BatchWait is how long an item waits for others to fill its batch.
	BatchWait time.Duration
	// Concurrency is how many deliveries are under way at a time. The default is 16.
	Concurrency int
	// MaxBytes is the size of the queue on disk. When it is full, or the disk is, the oldest
	// items are dropped. The default is 1 GiB.
	MaxBytes int64
	// MaxAge is the age at which items are dropped, counted from Received. 0 is no limit.
	MaxAge time.Duration
	// Sync is the longest time from when an item is added until it is synced to the disk. Add
	// does not wait for that. 0 is at once, less than 0 never.
	Sync time.Duration

	// OnFailure is called when items could not be delivered and will be tried again.
	OnFailure func(Result)
	// OnRecovery is called when an item is delivered after failures.
	OnRecovery func()
	// OnDead is called for each dead letter.
	OnDead func(*Item, Result)
	// OnDrop is called when items are dropped.
	OnDrop func(reason DropReason, items int64)
	// OnError is called when the queue or the file of dead letters cannot be written or
	// read.
	OnError func(error)
	// OnDelivery is called after each delivery with the time that it took.
	OnDelivery func(time.Duration)
	// The functions must return soon and may be called by several goroutines at a time.
	// Each may be nil.
}

// DropReason says why items were dropped.
type DropReason string

// The reasons.
const (
	DropFull    DropReason = "queue_full"    // the queue was full
	DropDisk    DropReason = "disk_full"     // the disk was full, or could not be written
	DropAge     DropReason = "queue_age"     // older than MaxAge
	DropDamaged DropReason = "queue_damaged" // damaged on disk
	DropRemoved DropReason = "queue_removed" // they waited when the queue was closed, and its files had been removed
)

// Counts are the counts of a queue.
type Counts struct {
	// Waiting is the number of items that are not delivered, those being delivered included.
	Waiting int64
	// Bytes is the size of the queue on disk, 0 if nothing waits. Files with waiting items
	// may hold others, too.
	Bytes int64
	// Oldest is when the oldest waiting item was received, zero if it is not known.
	Oldest time.Time
	// Totals counts the items that have left the queue since it was made.
	Totals
}

// Totals counts items by their outcome.
type Totals struct {
	Delivered    int64 `json:"delivered"`
	Dead         int64 `json:"dead"` // all dead letters, also those that were delivered since
	Dropped      int64 `json:"dropped"`
	AlreadyThere int64 `json:"already_there"` // left out because the target had them
}
