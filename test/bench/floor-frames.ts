/** Bytes of the frames of one page-in in `uvmem.v1.bin`: schemas/binary.md has them. */
/** H_SVM_PAGE_IN: header and five registers. */
export const CALL_BYTES = 56
/** UV_PAGE_IN with a tag. */
export const NESTED_BYTES = 64
/** The answer to either. */
export const ANSWER_BYTES = 32
