//! What must come of every fault, in the words of [`super`]. The tables are as they are printed; a
//! word that changes is a promise that changes.

pub(crate) const ALL_CALLS: &str = r"
                    alicloud_ecs  alicloud_das_redis      huaweicloud_dds                 huaweicloud_geminidb_redis      huaweicloud_taurusdb            huaweicloud_ddm                 huaweicloud_vpn_p2c             huaweicloud_dcs
throttle            unlisted      unlisted                unlisted                        unlisted                        unlisted                        unlisted                        unlisted                        unlisted
server-error        unlisted      unlisted                unlisted                        unlisted                        unlisted                        unlisted                        unlisted                        unlisted
unavailable         unlisted      unlisted                unlisted                        unlisted                        unlisted                        unlisted                        unlisted                        unlisted
reset-before        unlisted      unlisted                unlisted                        unlisted                        unlisted                        unlisted                        unlisted                        unlisted
reset-after         unlisted      unlisted                unlisted                        unlisted                        unlisted                        unlisted                        unlisted                        unlisted
hang                unlisted      unlisted                unlisted                        unlisted                        unlisted                        unlisted                        unlisted                        unlisted
slow-body           unverified    unverified / protected  unlisted+unverified / unlisted  unlisted+unverified / unlisted  unlisted+unverified / unlisted  unlisted+unverified / unlisted  unlisted+unverified / unlisted  unlisted
truncated-body      unlisted      unlisted                unlisted                        unlisted                        unlisted                        unlisted                        unlisted                        unlisted
wrong-content-type  failed        failed                  failed+unlisted / unlisted      failed+unlisted / unlisted      failed+unlisted / unlisted      failed+unlisted / unlisted      failed+unlisted / unlisted      failed+unlisted / unlisted
expired-token       failed        failed                  failed                          failed                          failed                          failed                          failed                          failed
wrong-signature     failed        failed                  failed                          failed                          failed                          failed                          failed                          failed
busy                unlisted      unlisted                unlisted                        unlisted                        unlisted                        unlisted                        unlisted                        unlisted
partial-kill        done          done / -                unsure                          done / unsure                   done                            done                            done                            done
ends-half           survivors     done / -                survivors                       survivors                       survivors                       survivors                       survivors                       survivors
refuses             survivors     survivors / -           survivors                       survivors                       survivors                       survivors                       survivors                       survivors
job-fails           -             -                       -                               -                               -                               -                               -                               failed
job-hangs           -             -                       -                               -                               -                               -                               -                               unlisted
target-gone         gone          gone                    gone                            gone                            gone                            gone                            gone                            gone
";

pub(crate) const ONE_CALL: &str = r"
                    alicloud_ecs         alicloud_das_redis              huaweicloud_dds      huaweicloud_geminidb_redis  huaweicloud_taurusdb  huaweicloud_ddm      huaweicloud_vpn_p2c  huaweicloud_dcs
throttle            done                 done / protected                done                 done                        done                  done                 done                 done
server-error        done                 done / protected                done                 done                        done                  done                 done                 done
unavailable         done                 done / protected                done                 done                        done                  done                 done                 done
reset-before        done                 done / protected                done                 done                        done                  done                 done                 done
reset-after         done                 done / protected                done                 done                        done                  done                 done                 done
hang                unlisted+unverified  unlisted+unverified / unlisted  unlisted+unverified  unlisted+unverified         unlisted+unverified   unlisted+unverified  unlisted+unverified  unlisted+unverified
slow-body           done                 done / protected                done                 done                        done                  done                 done                 done
truncated-body      done                 done / protected                done                 done                        done                  done                 done                 done
wrong-content-type  done                 done / protected                done                 done                        done                  done                 done                 done
expired-token       failed               failed                          failed               failed                      failed                failed               failed               failed
wrong-signature     failed               failed                          failed               failed                      failed                failed               failed               failed
busy                done                 done / protected                done                 done                        done                  done                 done                 done
partial-kill        done                 done / -                        unsure               done / unsure               done                  done                 done                 done
ends-half           done                 done / -                        done                 done                        done                  done                 done                 done
refuses             done                 done / -                        done                 done                        done                  done                 done                 done
job-fails           -                    -                               -                    -                           -                     -                    -                    done
job-hangs           -                    -                               -                    -                           -                     -                    -                    unlisted+unverified
";

pub(crate) const FROM_SOME_CALL: &str = r"
                    alicloud_ecs          alicloud_das_redis        huaweicloud_dds                huaweicloud_geminidb_redis     huaweicloud_taurusdb           huaweicloud_ddm                huaweicloud_vpn_p2c            huaweicloud_dcs
throttle            survivors+unverified  survivors+unverified / -  survivors+unlisted+unverified  survivors+unlisted+unverified  survivors+unlisted+unverified  survivors+unlisted+unverified  survivors+unlisted+unverified  survivors+unlisted+unverified
server-error        unverified            unverified / -            unlisted+unverified            unlisted+unverified            unlisted+unverified            unlisted+unverified            unlisted+unverified            unlisted+unverified
unavailable         unverified            unverified / -            unlisted+unverified            unlisted+unverified            unlisted+unverified            unlisted+unverified            unlisted+unverified            unlisted+unverified
reset-before        unverified            unverified / -            unlisted+unverified            unlisted+unverified            unlisted+unverified            unlisted+unverified            unlisted+unverified            unlisted+unverified
reset-after         unverified            unverified / -            unlisted+unverified            unlisted+unverified            unlisted+unverified            unlisted+unverified            unlisted+unverified            unlisted+unverified
hang                unverified            unverified / -            unlisted+unverified            unlisted+unverified            unlisted+unverified            unlisted+unverified            unlisted+unverified            unlisted+unverified
slow-body           done                  done / -                  done+unverified                done+unverified                done+unverified                done+unverified                done+unverified                done+unlisted+unverified
truncated-body      unverified            unverified / -            unlisted+unverified            unlisted+unverified            unlisted+unverified            unlisted+unverified            unlisted+unverified            unlisted+unverified
wrong-content-type  failed                failed / -                failed                         failed                         failed                         failed                         failed                         failed
expired-token       failed                failed / -                failed                         failed                         failed                         failed                         failed                         failed
wrong-signature     failed                failed / -                failed                         failed                         failed                         failed                         failed                         failed
busy                survivors+unverified  survivors+unverified / -  survivors+unlisted+unverified  survivors+unlisted+unverified  survivors+unlisted+unverified  survivors+unlisted+unverified  survivors+unlisted+unverified  survivors+unlisted+unverified
partial-kill        done                  done / -                  unsure                         done / unsure                  done                           done                           done                           done
ends-half           survivors             done / -                  survivors                      survivors                      survivors                      survivors                      survivors                      survivors
refuses             survivors             survivors / -             survivors                      survivors                      survivors                      survivors                      survivors                      survivors
job-fails           -                     -                         -                              -                              -                              -                              -                              failed
job-hangs           -                     -                         -                              -                              -                              -                              -                              unlisted+unverified
target-gone         gone                  gone / -                  gone                           gone                           gone                           gone                           gone                           gone
";

pub(crate) const LOOKING: &str = r"
                    alicloud_ecs    alicloud_das_redis  huaweicloud_dds  huaweicloud_geminidb_redis  huaweicloud_taurusdb  huaweicloud_ddm  huaweicloud_vpn_p2c  huaweicloud_dcs
throttle            error / warned  error / warned      error / warned   error / warned              error / warned        error / warned   error / warned       error / warned
server-error        error / warned  error / warned      error / warned   error / warned              error / warned        error / warned   error / warned       error / warned
unavailable         error / warned  error / warned      error / warned   error / warned              error / warned        error / warned   error / warned       error / warned
reset-before        error / warned  error / warned      error / warned   error / warned              error / warned        error / warned   error / warned       error / warned
reset-after         error / warned  error / warned      error / warned   error / warned              error / warned        error / warned   error / warned       error / warned
hang                error / warned  error / warned      error / warned   error / warned              error / warned        error / warned   error / warned       error / warned
slow-body           whole / warned  whole / warned      error / warned   error / warned              error / warned        error / warned   error / warned       error / warned
truncated-body      error / warned  error / warned      error / warned   error / warned              error / warned        error / warned   error / warned       error / warned
wrong-content-type  error / warned  error / warned      error / warned   error / warned              error / warned        error / warned   error / warned       error / warned
expired-token       error / warned  error / warned      error / warned   error / warned              error / warned        error / warned   error / warned       error / warned
wrong-signature     error / warned  error / warned      error / warned   error / warned              error / warned        error / warned   error / warned       error / warned
busy                error / warned  error / warned      error / warned   error / warned              error / warned        error / warned   error / warned       error / warned
partial-kill        -               -                   -                -                           -                     -                -                    -
ends-half           -               -                   -                -                           -                     -                -                    -
refuses             -               -                   -                -                           -                     -                -                    -
job-fails           -               -                   -                -                           -                     -                -                    error / warned
job-hangs           -               -                   -                -                           -                     -                -                    error / warned
target-gone         error / warned  error / warned      error / warned   error / warned              error / warned        error / warned   error / warned       error / warned
";
