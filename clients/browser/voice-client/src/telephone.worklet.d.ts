export declare function throughMuLaw(sample: number): number;
